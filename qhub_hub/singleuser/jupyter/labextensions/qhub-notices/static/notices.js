// Tells the person that their server is about to be stopped. Written by hand as the module that JupyterLab 4 loads
// (a federation container: `init` is given the shared packages, `get` gives the plugins), so nothing has to be built.
(() => {
  const EVERY = 30000; // milliseconds between two questions; browsers slow a hidden page down to one a minute
  const SIGN = "⏳ ";
  let shared;

  const load = async (name) => {
    const versions = shared[name];
    if (!versions) throw new Error(`JupyterLab does not share ${name}`);
    const [newest] = Object.keys(versions).sort((a, b) => b.localeCompare(a, undefined, { numeric: true }));
    return (await versions[newest].get())();
  };

  const plugins = async () => {
    const [{ Notification }, { ServerConnection }] = await Promise.all(
      ["@jupyterlab/apputils", "@jupyterlab/services"].map(load),
    );
    const settings = ServerConnection.makeSettings();
    let shown = ""; // the notice on the screen
    let id = null;

    // A hidden page shows no notice; the name of its tab is what can be seen.
    const mark = () => {
      const bare = document.title.startsWith(SIGN) ? document.title.slice(SIGN.length) : document.title;
      const title = shown && document.hidden ? SIGN + bare : bare;
      if (title !== document.title) document.title = title;
    };

    const keep = async () => {
      // Any request that server and proxy count as activity will do.
      await ServerConnection.makeRequest(`${settings.baseUrl}api/contents?content=0`, {}, settings).catch(() => {});
      await look();
    };

    const show = (text) => {
      if (text !== shown) {
        if (id !== null) Notification.dismiss(id);
        const actions = text.includes("to keep it") ? [{ label: "Keep it running", callback: keep }] : [];
        id = text ? Notification.emit(text, "warning", { autoClose: false, actions }) : null;
        shown = text;
      }
      mark();
    };

    const look = async () => {
      let answer;
      try {
        answer = await ServerConnection.makeRequest(`${settings.baseUrl}qhub/end`, { cache: "no-store" }, settings);
      } catch {
        return; // the server is gone or the network is; JupyterLab says so itself
      }
      if (answer.status === 304) show(answer.headers.get("QHub-Notice") || "");
    };

    return {
      __esModule: true,
      default: [
        {
          id: "qhub-notices:plugin",
          description: "Tells that the server is about to be stopped.",
          autoStart: true,
          activate: () => {
            setInterval(look, EVERY);
            document.addEventListener("visibilitychange", () => {
              mark();
              // Coming back is activity, which takes the notice away: ask once JupyterLab has spoken to the server.
              if (!document.hidden) setTimeout(look, 3000);
            });
            void look();
          },
        },
      ],
    };
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["qhub-notices"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async (name) => {
      if (name !== "./extension") throw new Error(`qhub-notices has no module ${name}`);
      const found = await plugins();
      return () => found;
    },
  };
})();

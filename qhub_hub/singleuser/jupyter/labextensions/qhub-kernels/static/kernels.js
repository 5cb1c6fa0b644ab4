// Has JupyterLab read the list of kernels anew when environments have changed. Written by hand as the module that
// JupyterLab 4 loads (a federation container), like its neighbour qhub-notices, so nothing has to be built.
(() => {
  const EVERY = 5000; // milliseconds; browsers slow a hidden page down to one question a minute
  let shared;

  const load = async (name) => {
    const versions = shared[name];
    if (!versions) throw new Error(`JupyterLab does not share ${name}`);
    const [newest] = Object.keys(versions).sort((a, b) => b.localeCompare(a, undefined, { numeric: true }));
    return (await versions[newest].get())();
  };

  const plugins = async () => {
    const { ServerConnection } = await load("@jupyterlab/services");
    const settings = ServerConnection.makeSettings();
    return {
      __esModule: true,
      default: [
        {
          id: "qhub-kernels:plugin",
          description: "Shows kernels of environments that were built while the page is open.",
          autoStart: true,
          activate: (app) => {
            let known = null;
            const look = async () => {
              let answer;
              try {
                answer = await ServerConnection.makeRequest(
                  `${settings.baseUrl}qhub/kernels`,
                  { cache: "no-store" },
                  settings,
                );
              } catch {
                return; // the server is gone or the network is; JupyterLab says so itself
              }
              const mark = answer.headers.get("QHub-Kernels");
              if (answer.status !== 304 || !mark) return;
              const changed = known !== null && mark !== known;
              known = mark;
              if (changed) await app.serviceManager.kernelspecs.refreshSpecs().catch(() => {});
            };
            setInterval(look, EVERY);
            void look();
          },
        },
      ],
    };
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["qhub-kernels"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async (name) => {
      if (name !== "./extension") throw new Error(`qhub-kernels has no module ${name}`);
      const found = await plugins();
      return () => found;
    },
  };
})();

// Leads to the page where people make environments (conda-store's), where there is one and while it answers. Written by
// hand as the module that JupyterLab 4 loads (a federation container), like its neighbours, so nothing has to be built.
(() => {
  const EVERY = 60000; // milliseconds between two looks whether the page answers
  const COMMAND = "qhub-environments:open";
  const BOXES = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
    <g class="jp-icon3" fill="#616161">
      <path d="M12 2 7 4.5v5L12 12l5-2.5v-5zM12 4l2.6 1.3L12 6.6 9.4 5.3z" fill-rule="evenodd"/>
      <path d="M6.5 11.5l-5 2.5v5l5 2.5 5-2.5v-5zm0 2 2.6 1.3-2.6 1.3-2.6-1.3z" fill-rule="evenodd"/>
      <path d="M17.5 11.5l-5 2.5v5l5 2.5 5-2.5v-5zm0 2 2.6 1.3-2.6 1.3-2.6-1.3z" fill-rule="evenodd"/>
    </g></svg>`;
  let shared;

  const load = async (name) => {
    const versions = shared[name];
    if (!versions) throw new Error(`JupyterLab does not share ${name}`);
    const [newest] = Object.keys(versions).sort((a, b) => b.localeCompare(a, undefined, { numeric: true }));
    return (await versions[newest].get())();
  };

  const plugins = async () => {
    const [{ PageConfig }, { ILauncher }, { IMainMenu }, { ICommandPalette }, { LabIcon }] = await Promise.all(
      ["coreutils", "launcher", "mainmenu", "apputils", "ui-components"].map((name) => load(`@jupyterlab/${name}`)),
    );
    const page = PageConfig.getOption("qhubEnvironmentsPage");

    const activate = (app, launcher, menu, palette) => {
      if (!page.startsWith("/")) return;
      const icon = new LabIcon({ name: "qhub-environments:boxes", svgstr: BOXES });
      let there = false;
      let card = null;
      app.commands.addCommand(COMMAND, {
        label: (args) => (args.isPalette || args.isMenu ? "Make Environments" : "Environments"),
        caption: "Make environments, and see how they are built, on conda-store's page",
        icon: (args) => (args.isPalette || args.isMenu ? undefined : icon),
        isVisible: () => there,
        isEnabled: () => there,
        execute: () => {
          window.open(page, "_blank", "noopener");
        },
      });
      if (menu) menu.fileMenu.addGroup([{ command: COMMAND, args: { isMenu: true } }], 90);
      if (palette) palette.addItem({ command: COMMAND, category: "Environments", args: { isPalette: true } });

      const look = async () => {
        if (document.hidden) return;
        let answers = false;
        try {
          // This one is open to all, so asking is nobody's activity.
          answers = (await fetch(`${page}favicon.ico`, { cache: "no-store" })).status < 500;
        } catch {
          // the network is gone; JupyterLab says so itself
        }
        if (answers === there) return;
        there = answers;
        if (card) card.dispose();
        card = there && launcher ? launcher.add({ command: COMMAND, category: "Other", rank: 90 }) : null;
        app.commands.notifyCommandChanged(COMMAND);
      };
      setInterval(look, EVERY);
      document.addEventListener("visibilitychange", look);
      void look();
    };

    return {
      __esModule: true,
      default: [
        {
          id: "qhub-environments:plugin",
          description: "Leads to the page where people make environments.",
          autoStart: true,
          optional: [ILauncher, IMainMenu, ICommandPalette],
          activate,
        },
      ],
    };
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["qhub-environments"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async (name) => {
      if (name !== "./extension") throw new Error(`qhub-environments has no module ${name}`);
      const found = await plugins();
      return () => found;
    },
  };
})();

"""`qhub storage serve`: the provisioner of a cluster, in a pod of its own."""

import asyncio
import os
import signal
from argparse import ArgumentParser, Namespace
from pathlib import Path

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.environments.service import handlers
from qhub_hub.storage import Provisioner, StorageError
from qhub_hub.storage.layout import ENVIRONMENTS
from qhub_hub.storage.service import LARGEST, PORT, application, token_in


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="make folders for the hub", description="Make folders for the hub.")
    serve.add_argument("--share", metavar="DIR", type=Path, default=Path("/share"), help="default: /share")
    serve.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    serve.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        default=Path("/etc/qhub-storage/token"),
        help="what the hub must show; default: /etc/qhub-storage/token",
    )
    serve.add_argument(
        "--reader-token-file",
        metavar="FILE",
        type=Path,
        help="what the Dask gateway must show to be told of environments; default: nobody but the hub is",
    )


def run(arguments: Namespace) -> int:
    """Serve until told to end."""
    own_ids = os.geteuid() == 0
    try:
        with Provisioner(arguments.share, own_ids=own_ids) as share:
            readers = [arguments.reader_token_file] if arguments.reader_token_file else []
            return asyncio.run(_serve(share, arguments.port, arguments.token_file, readers))
    except StorageError as error:
        raise CommandError(f"The share can't be used: {error}") from error


async def _serve(share: Provisioner, port: int, token_file: Path, readers: list[Path]) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        token = token_in(token_file)
        service = application(share, token)
        tokens = [token, *map(token_in, readers)]
        service.add_handlers(".*", handlers(share.root.joinpath(*ENVIRONMENTS.parts), *tokens))
        server = service.listen(port, max_buffer_size=LARGEST, max_body_size=LARGEST)
    except OSError as error:
        raise CommandError(f"The port {port} can't be used: {os.strerror(error.errno or 0)}.") from error
    console = Console()
    _prepare_environments(share, console)
    console.line(f"Makes folders below {share.root}, for the hub, on port {port}.")
    if not share.own_ids:
        console.line("note: it does not run as root, so all folders belong to one user.")
    await ended.wait()
    server.stop()
    await server.close_all_connections()
    return 0


def _prepare_environments(share: Provisioner, console: Console) -> None:
    # Before anybody asks: whatever builds environments waits for it, and homes do not depend on it.
    try:
        share.ensure([ENVIRONMENTS])
    except StorageError as error:
        console.line(f"note: no environments can be built: {error}")

"""What a person sees who opens a terminal or a notebook in a real server."""

import json
import os
import re
import stat
import uuid
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

pytestmark = pytest.mark.root

HEADERS = {"Authorization": "token anns"}
END = "the-end"


def plain(screen: str) -> str:
    """What stands on the screen, without colours and cursor movements."""
    return re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", screen).replace("\r", "")


async def hang_up(socket: WebSocketClientConnection) -> None:
    """Close, and wait until the server has closed too."""
    socket.close()
    while await socket.read_message() is not None:
        pass


async def in_terminal(server: Any, command: str) -> list[str]:
    """Lines that the command prints in a new terminal."""
    status, body = server.request("api/terminals", body={})
    assert status == 200, body
    url = f"{server.url}terminals/websocket/{json.loads(body)['name']}".replace("http", "ws", 1)
    socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
    seen = ""
    # The end is spelled in two parts so that the echo of the command is not taken for it.
    socket.write_message(json.dumps(["stdin", f"{command}; echo the-''end\r"]))
    while not re.search(rf"^{END}$", plain(seen), re.MULTILINE):
        message = await socket.read_message()
        assert message is not None, f"the terminal closed after: {seen}"
        kind, *content = json.loads(message)
        seen += content[0] if kind == "stdout" else ""
    await hang_up(socket)
    return plain(seen).splitlines()


async def in_kernel(server: Any, code: str) -> str:
    """What the code prints in a new kernel."""
    status, body = server.request("api/kernels", body={"name": "python3"})
    assert status == 201, body
    url = f"{server.url}api/kernels/{json.loads(body)['id']}/channels".replace("http", "ws", 1)
    socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
    message_id = uuid.uuid4().hex
    request = {
        "header": {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "session": "s",
            "username": "ann",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        "channel": "shell",
    }
    socket.write_message(json.dumps(request))
    printed = ""
    while (message := await socket.read_message()) is not None:
        reply = json.loads(message)
        if reply["parent_header"].get("msg_id") != message_id:
            continue
        if reply["msg_type"] == "stream":
            printed += reply["content"]["text"]
        elif reply["msg_type"] == "execute_reply":
            assert reply["content"]["status"] == "ok", reply["content"]
        elif reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            break
    await hang_up(socket)
    return printed


async def test_a_terminal_knows_who_you_are(server: Any) -> None:
    lines = await in_terminal(server, "id; whoami; umask; echo $HOME $USER $LOGNAME; echo $PATH")
    assert "uid=100777(ann) gid=100777(ann) groups=100777(ann),70777(ml)" in lines
    assert "ann" in lines
    assert "0002" in lines
    assert f"{server.home} ann ann" in lines
    assert os.environ["PATH"] in lines, "the terminal has another PATH than the kernels"
    assert "I have no name" not in "\n".join(lines)
    assert "cannot be preloaded" not in "\n".join(lines)


async def test_a_file_made_in_a_terminal_can_be_written_by_the_group(server: Any) -> None:
    await in_terminal(server, "echo hello > ~/shared/ml/from-terminal; mkdir ~/shared/ml/folder")
    for name, mode in (("from-terminal", 0o664), ("folder", 0o2775)):
        status = (server.group_folder / name).stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (100_777, 70_777, mode)


async def test_a_notebook_knows_who_you_are_and_shares_its_files(server: Any) -> None:
    printed = await in_kernel(
        server,
        "import getpass, grp, os, pathlib, pwd\n"
        "groups = [grp.getgrgid(gid).gr_name for gid in os.getgroups()]\n"
        "print(getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, groups)\n"
        "pathlib.Path.home().joinpath('shared/ml/from-kernel').write_text('x')\n",
    )
    assert printed == "ann ann ['ml']\n"
    status = (server.group_folder / "from-kernel").stat()
    assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (70_777, 0o664)


async def test_without_the_name_files_a_terminal_still_opens_and_the_reason_is_told(start: Any) -> None:
    def prepare(_folder: Any, env: dict[str, str]) -> None:
        del env["NSS_WRAPPER_GROUP"]

    with start(prepare) as server:
        lines = await in_terminal(server, "id -u; echo $USER; echo $QHUB_NAMES_NOTICE")
        page = server.request("lab")[1].decode()
        log = server.log
    sentence = "In terminals names are shown as numbers because NSS_WRAPPER_GROUP is not set."
    assert "100777" in lines
    assert "ann" in lines
    assert log.count("names are shown as numbers") == 1
    assert sentence in page

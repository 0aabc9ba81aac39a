"""A real SMTP server that records what it is given, or misbehaves on command.

It speaks as much of RFC 5321 as a client needs to hand over a message, on a port of its
own, with a thread for each connection.
"""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.support.processes import free_port


@dataclass(frozen=True)
class Letter:
    """One message as it arrived, with the envelope that it came in."""

    sender: str
    to: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> Message:
        return message_from_bytes(self.raw)

    @property
    def subject(self) -> str:
        return " ".join(str(self.message["Subject"]).split())

    @property
    def text(self) -> str:
        """Return the body as it is read."""
        body: Any = self.message.get_payload(decode=True)
        return str(body.decode().replace("\r\n", "\n"))


@dataclass
class MailServer:
    """A mail server; `manner` says what it does at which command.

    `manner["RCPT"] = "450 later"` answers so; `"hang"` answers nothing and `"drop"`
    hangs up instead. The keys: GREETING, EHLO, MAIL, RCPT, DATA, and END for the end of
    a message, which is recorded before it answers.
    """

    manner: dict[str, str] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.port = free_port()
        self.released = threading.Event()
        self._server: Any = None

    def __enter__(self) -> MailServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        mail_server = self

        class Handler(_Conversation):
            server_of = mail_server

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Let nobody connect any more, and end what hangs."""
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def settings(self) -> dict[str, Any]:
        """Return the settings by which Django sends mail here."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": self.port,
        }

    def to(self, address: str) -> list[Letter]:
        """Return what came for an address."""
        return [letter for letter in self.letters if address in letter.to]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _HungUp(Exception):  # noqa: N818  (no error: it was told to)
    """The server breaks off."""


class _Conversation(socketserver.StreamRequestHandler):
    server_of: MailServer

    def handle(self) -> None:
        self.server_of.connections += 1
        try:
            self._converse()
        except (_HungUp, OSError):
            return

    def _converse(self) -> None:
        self._answer("GREETING", "220 mail.invalid ready")
        sender = ""
        to: list[str] = []
        while line := self.rfile.readline():
            command = line.decode(errors="replace").strip()
            verb = command[:4].upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb == "MAIL":
                sender, to = _address(command), []
            if verb == "RCPT":
                to.append(_address(command))
            if verb == "DATA":
                if self._answer("DATA", "354 go on").startswith("354"):
                    raw = self._message()
                    self.server_of.letters.append(Letter(sender, tuple(to), raw))
                    self._answer("END", "250 taken")
            else:
                self._answer("EHLO" if verb == "HELO" else verb, "250 fine")

    def _message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _answer(self, when: str, usual: str) -> str:
        said = self.server_of.manner.get(when, usual)
        if said == "hang":
            self.server_of.released.wait()
        if said in ("hang", "drop"):
            raise _HungUp
        self._say(said)
        return said

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]

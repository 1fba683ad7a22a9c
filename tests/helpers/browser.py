"""A headless Chromium, driven through its DevTools protocol with real mouse, touch and keys."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


class Page:
    """A tab, with coordinates in CSS pixels of its viewport."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol in this tab."""
        return self._browser.call(method, self._session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, after waiting for a promise."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def size(self, width: int, height: int = 900, touch: bool = False) -> None:
        """Set the size of the viewport."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=2)

    def media(self, **features: str) -> None:
        """Set media features, such as prefers_color_scheme="dark"."""
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.call("Emulation.setEmulatedMedia", features=wanted)

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file and wait until it is complete."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.as_uri() + fragment)
        until = time.monotonic() + 30
        while self.evaluate("location.protocol + document.readyState") != "file:complete":
            assert time.monotonic() < until, path

    def middle(self, selector: str) -> tuple[float, float]:
        """Scroll an element into view and return its middle."""
        box = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{box}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        rect = self.evaluate(
            f"(r => [r.left, r.top, r.width, r.height])({box}.getBoundingClientRect())"
        )
        return rect[0] + rect[2] / 2, rect[1] + rect[3] / 2

    def mouse(self, kind: str, x: float, y: float, clicks: int = 0) -> None:
        """Send one mouse event; `kind` is Moved, Pressed or Released."""
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, clickCount=clicks,
                  button="left" if clicks else "none", buttons=int(kind == "Pressed"))  # fmt: skip

    def click(self, x: float, y: float, times: int = 1) -> None:
        """Click, or double-click."""
        self.mouse("Moved", x, y)
        for count in range(1, times + 1):
            self.mouse("Pressed", x, y, count)
            self.mouse("Released", x, y, count)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the left button."""
        self.mouse("Moved", *start)
        self.mouse("Pressed", *start, 1)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=end[0], y=end[1],
                  button="left", buttons=1)  # fmt: skip
        self.mouse("Released", *end, 1)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """Send one touch event; `kind` is Start, Move or End."""
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.call("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=fingers)

    def press(self, key: str) -> None:
        """Press and release a key, such as Enter or ArrowRight."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9, "ArrowRight": 39}[key]
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key,
                  windowsVirtualKeyCode=code, **text)  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)


class Browser:
    """The connection: messages end in a zero byte, on two pipes."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._numbers = send, receive, itertools.count(1)
        self._rest = b""

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        os.write(
            self._send,
            json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0",
        )
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._receive, 1 << 16)
                assert part, "Chromium has ended"
                self._rest += part
            line, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                found: dict[str, Any] = answer["result"]
                return found


@contextmanager
def chromium() -> Iterator[Page]:
    """Start Chromium and yield a tab."""
    assert CHROMIUM is not None
    (out, send), (receive, into) = os.pipe(), os.pipe()
    connect = f'exec "$@" 8<&{out} 9>&{into} 3<&8 4>&9'  # it reads from 3 and writes to 4
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["bash", "-c", connect, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={profile}",
             "--remote-debugging-pipe"], pass_fds=(out, into), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(out)
        os.close(into)
        try:
            browser = Browser(send, receive)
            target = browser.call("Target.createTarget", url="about:blank")["targetId"]
            session = browser.call("Target.attachToTarget", targetId=target, flatten=True)
            yield Page(browser, session["sessionId"])
            browser.call("Browser.close")
        finally:
            process.terminate()
            process.wait(20)
            os.close(send)
            os.close(receive)

"""The Refusal Steering Playground, as a Space starts it: makes `demo` and serves it."""

from steering.app import App
from steering.errors import SteeringError
from steering.system import stopping

try:
    _app = App()
except SteeringError as error:
    if __name__ != "__main__":
        raise
    raise SystemExit(f"error: {error}") from None
demo = _app.demo
main = _app.serve

if __name__ == "__main__":
    try:
        main()
    except SteeringError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:  # told to end before the page was up
        stopping.leave(130)
    stopping.leave(0)

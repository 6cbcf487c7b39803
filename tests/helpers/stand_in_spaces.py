"""What the package `spaces` does on ZeroGPU, without a GPU: one decorated generator in a fork.

What goes in and out is pickled, as there. A worker that is idle is taken again, as there.
"""

import multiprocessing
import pickle
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import gradio as gr
import torch

from steering.serving import zero_gpu

_FORK = multiprocessing.get_context("fork")


class StandIn(SimpleNamespace):
    """Stands in for the module; `refusal` is what it says instead of lending a GPU."""

    def __init__(self):
        super().__init__(refusal=None, asked=[], forks=0, idle=False, workers=[])

    def GPU(self, *, duration):
        def decorated(task):
            def lent(*arguments):
                self.asked.append(duration(*arguments))
                if self.refusal:
                    title, message = self.refusal
                    raise gr.Error(message, title=title, print_exception=False)
                yield from self._call(task, pickle.dumps(arguments))

            return lent

        return decorated

    def _call(self, task, arguments):
        worker = self.workers.pop() if self.idle and self.workers else self._fork(task)
        process, given, told, stop = worker
        given.send_bytes(arguments)
        try:
            while (said := _heard(told))[0] == "value":
                yield said[1]
        except GeneratorExit:
            stop.set()
            while (said := _heard(told))[0] == "value":
                pass
            raise
        finally:
            if said[0] == "end":
                self.workers.append(worker)
            else:
                process.terminate()
                process.join()
        if said[0] != "end":
            raise gr.Error(said[1], title="ZeroGPU worker error", print_exception=False)

    def _fork(self, task):
        self.forks += 1
        (there, given), (told, here) = _FORK.Pipe(duplex=False), _FORK.Pipe(duplex=False)
        stop = _FORK.Event()
        arguments = (task, there, here, stop, (given, told))
        process = _FORK.Process(target=_work, args=arguments, daemon=True)
        process.start()
        there.close()
        here.close()
        return process, given, told, stop

    def close(self):
        """End all workers."""
        for process, *_ in self.workers:
            process.terminate()
            process.join()


def _heard(told):
    try:
        return pickle.loads(told.recv_bytes())
    except EOFError:
        return "gone", "GPU task aborted"


def _work(task, given, told, stop, others):
    for each in others:
        each.close()
    torch.set_num_threads(1)  # a pool of threads does not survive a fork
    while True:
        arguments = pickle.loads(given.recv_bytes())
        stop.clear()
        running = task(*arguments)
        try:
            for value in running:
                if stop.is_set():
                    running.close()
                    break
                told.send_bytes(pickle.dumps(("value", value)))
        except Exception as error:  # noqa: BLE001 - only its name comes across
            told.send_bytes(pickle.dumps(("error", type(error).__name__)))
            continue
        told.send_bytes(pickle.dumps(("end", None)))


@contextmanager
def standing_in(monkeypatch):
    """Let the app borrow GPUs from a stand-in, as on a Space."""
    made = StandIn()
    monkeypatch.setitem(sys.modules, "spaces", made)
    monkeypatch.setattr(zero_gpu, "is_lent", lambda: True)
    monkeypatch.setattr(zero_gpu, "decode", zero_gpu._lent(zero_gpu.decode))
    yield made
    made.close()
    zero_gpu._held.clear()

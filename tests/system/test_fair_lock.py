"""A lock that is handed on in the order in which it was asked for."""

import threading
import time

import pytest

from steering.system.fair_lock import FairLock


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_it_goes_to_whoever_asked_first():
    lock, order = FairLock(), []
    lock.acquire()
    threads = []
    for number in range(6):
        threads.append(
            in_thread(lambda number=number: (lock.acquire(), order.append(number), lock.release()))
        )
        while len(lock._asking) <= number:
            time.sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def test_a_thread_that_takes_it_again_at_once_lets_the_others_go_first():
    lock, steps, stop = FairLock(), [], threading.Event()

    def loop():
        while not stop.is_set():
            with lock:
                steps.append(time.perf_counter())
                time.sleep(0.002)

    looping = in_thread(loop)
    waited = []
    for _ in range(20):
        before = len(steps)
        with lock:
            waited.append(len(steps) - before)
    stop.set()
    looping.join()
    assert max(waited) <= 2  # the step under way, and one that had asked already


def test_whoever_holds_it_may_take_it_again():
    lock = FairLock()
    with lock, lock():
        assert lock.acquire(timeout=0)
        lock.release()
        found = []
        in_thread(lambda: found.append(lock.acquire(timeout=0.01))).join()
        assert found == [False]
    in_thread(lambda: found.append(lock.acquire(timeout=1))).join()
    assert found == [False, True]


def test_whoever_gives_up_leaves_no_gap():
    lock, found = FairLock(), []
    lock.acquire()
    in_thread(lambda: found.append(lock.acquire(timeout=0.01))).join()
    waiting = in_thread(lambda: found.append(lock.acquire(timeout=5)))
    lock.release()
    waiting.join()
    assert found == [False, True]


def test_an_error_inside_gives_it_back():
    lock, found = FairLock(), []
    with pytest.raises(KeyError), lock:
        raise KeyError
    in_thread(lambda: found.append(lock.acquire(timeout=1))).join()
    assert found == [True]


def test_it_cannot_be_given_back_by_another_thread():
    lock, found = FairLock(), []

    def other():
        with pytest.raises(RuntimeError, match="by the thread that holds it"):
            lock.release()
        found.append(True)

    lock.acquire()
    in_thread(other).join()
    assert found == [True]

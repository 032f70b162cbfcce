"""Shared memory: regions, arrays, views without a copy, and what may not be taken away under them."""

import multiprocessing
import os
import pickle

import pytest

import crosstie

numpy = pytest.importorskip("numpy")


@pytest.fixture
def name():
    name = f"/crosstie-pytest-{os.getpid()}"
    yield name
    try:
        crosstie.Region.unlink(name)
    except FileNotFoundError:
        pass


def test_numpy_sees_the_memory_itself(name, shell):
    with crosstie.Region(name, 4096) as region:
        numbers = numpy.frombuffer(region, "u4")
        numbers[0] = 0x6F6C6C65
        assert shell("region", "read", name).communicate()[0].startswith("ello")
        with crosstie.Region(name) as other:
            assert bytes(memoryview(other)[:4]) == b"ello"
        del numbers


def test_a_region_is_not_unmapped_under_a_view(name):
    region = crosstie.Region(name, 4096)
    view = memoryview(region)
    with pytest.raises(BufferError, match="1 views"):
        region.close()
    view[0] = 7
    view.release()
    region.close()
    region.close()
    with pytest.raises(BufferError, match="closed"):
        memoryview(region)
    assert len(pickle.loads(pickle.dumps(crosstie.Region(name)))) == 4096


def test_a_region_that_is_not_there_and_a_name_that_is_none_are_refused():
    with pytest.raises(FileNotFoundError):
        crosstie.Region("/crosstie-none")
    for none in ("a/b", "/a/b", "without-a-slash", "//a", ""):
        with pytest.raises(ValueError, match="/my_region"):
            crosstie.Region(none, 10)


def double(array, done):
    array.numpy()[:] *= 2
    done.set()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_array_is_shared_without_a_copy(method):
    array, done = crosstie.SharedArray((2, 3), "f8"), crosstie.Event("done")
    array.numpy()[:] = 1.5
    child = multiprocessing.get_context(method).Process(target=double, args=(array, done))
    child.start()
    assert done.wait(timeout=60)
    child.join()
    assert array.numpy().sum() == 18.0
    path = array.path
    assert os.path.exists(path)
    array.close()
    assert not os.path.exists(path)


def test_an_array_travels_through_a_queue_and_is_gone_with_its_last_participant():
    q = crosstie.Queue()
    array = crosstie.SharedArray(1 << 21, "f8")
    q.put(array)
    other = q.get()
    array.numpy()[7] = 7.0
    assert other.numpy()[7] == 7.0
    view = array.numpy()
    with pytest.raises(BufferError):
        array.close()
    del view
    handle = pickle.dumps(array)
    array.close()
    assert os.path.exists(other.path)
    other.close()
    with pytest.raises(crosstie.NotFound, match="last participant"):
        pickle.loads(handle)


def test_an_array_that_has_no_room_says_what_to_do(domain):
    free = os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize
    with pytest.raises(crosstie.NoSpace, match="--shm-size"):
        crosstie.SharedArray(free, "f8")
    assert not [name for name in os.listdir(domain) if name.startswith("unnamed.")]


def test_an_array_has_whatever_numbers_numpy_has():
    numpy = pytest.importorskip("numpy")
    for dtype in (numpy.float32, numpy.dtype("i4"), int, "float64", "<i8", "f4"):
        with crosstie.SharedArray((2, numpy.int64(3)), dtype) as array:
            assert array.numpy().dtype == numpy.dtype(dtype) and array.nbytes == 6 * numpy.dtype(dtype).itemsize
            assert numpy.array(array).shape == (2, 3)
    with pytest.raises(TypeError, match="numbers"):
        crosstie.SharedArray(2, "U5")

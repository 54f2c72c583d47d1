"""What only the OpenVINO renderer does: follow a rate, and outlive what a frame does to it."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.errors import DeviceError, RenderError, WeightsError
from livematte.frame import Frame, Size
from livematte.network import weights
from livematte.network.size import network_size
from livematte.options.refinement import DEFAULT, QUALITIES
from livematte.options.rendering import CPU, RenderOptions
from livematte.render.opening import open_renderer
from livematte.render.openvino import network as openvino_network
from livematte.render.openvino.network import OpenVinoModel, Request
from livematte.render.openvino.renderer import OpenVinoRenderer
from livematte.render.renderer import OpenedRenderer

SIZE = Size(640, 360)


def render_for(choice: OpenedRenderer, seconds: float) -> None:
    frame = Frame(np.full((SIZE.height, SIZE.width, 3), 90, np.uint8), 0, 0.0, 0.0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert choice.renderer.submit(frame, parse("navy"))
        assert choice.renderer.collect(20) is not None


def open_fixed(precision: str = "auto", threads: int | None = None) -> OpenedRenderer:
    return open_renderer(RenderOptions(CPU, precision, matte_short_side=224, threads=threads), SIZE)


def test_a_matte_that_is_not_finite_is_an_error_and_not_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choice = open_fixed()
    start = Request.start

    def start_with_nan(request: Request, on_done: object) -> None:
        def done() -> None:
            request.matte[3, 5] = np.nan
            on_done()  # type: ignore[operator]

        start(request, done)

    frame = Frame(np.zeros((SIZE.height, SIZE.width, 3), np.uint8), 7, 0.0, 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Request, "start", start_with_nan)
        assert choice.renderer.submit(frame, parse("navy"))
        with pytest.raises(RenderError, match="no usable matte for frame 7"):
            choice.renderer.collect(20)
    render_for(choice, 0.1)
    choice.renderer.close()


def test_without_an_int8_form_the_weights_are_used_in_fp32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "find_quantized", lambda _path: None)
    with pytest.raises(WeightsError, match=r"has no int8 form.*livematte weights quantize"):
        open_fixed("int8")
    assert "fp32" in open_fixed().renderer.description


def test_the_threads_are_as_many_as_asked_for() -> None:
    model = OpenVinoModel("CPU", weights.find("photographic"), "int8", threads=1)
    compiled = model._core.compile_model(model._model.clone(), "CPU", model._config)
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_it_never_computes_in_bfloat16() -> None:
    model = OpenVinoModel("CPU", weights.find("photographic"), "fp32", threads=None)
    compiled = model._core.compile_model(model._model.clone(), "CPU", model._config)
    assert str(compiled.get_property("INFERENCE_PRECISION_HINT")) == "<Type: 'float32'>"


class Refusing:
    """An inference request that says it is done, or that it failed, and has computed nothing."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails

    def start_async(self) -> None:
        if self._fails:
            raise RuntimeError("Check 'ok' failed\nThe device is lost")

    def wait(self) -> None:
        pass


@pytest.mark.parametrize(
    ("fails", "problem"), [(False, "no usable matte for frame 2"), (True, "The device is lost")]
)
def test_the_matte_of_an_older_frame_is_never_used_again(fails: bool, problem: str) -> None:
    choice = open_fixed()
    image = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    renderer = choice.renderer

    def render(index: int) -> None:
        assert renderer.submit(Frame(image, index, 0.0, 0.0), parse("navy"))
        assert renderer.collect(20) is not None

    render(0)
    render(1)
    requests = renderer._network.requests  # type: ignore[attr-defined]
    for request in requests:
        request._request = Refusing(fails)
    with pytest.raises(RenderError, match=problem):
        render(2)
    assert renderer.wait_until_ready(0.0)
    renderer.close()


@pytest.mark.parametrize("tolerance", [5e-3, -1.0])
def test_a_device_is_held_to_the_matte_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tolerance: float
) -> None:
    """The CPU in int8 stands for a GPU here, and is near enough, though not to the last bit."""
    monkeypatch.setattr(openvino_network, "PROBE_TOLERANCE", tolerance)
    model = OpenVinoModel("CPU", weights.find("photographic"), "int8", threads=None)
    model.device_name = "Some Graphics"
    network = model.compile(Size(384, 224))
    if tolerance > 0:
        model._require_right_matte(model._with_pixels_in(network.matte_size), network)
    else:
        with pytest.raises(DeviceError, match="Some Graphics computes wrong mattes in int8"):
            model._require_right_matte(model._with_pixels_in(network.matte_size), network)


def test_a_device_that_computes_something_else_is_found_out() -> None:
    model = OpenVinoModel("CPU", weights.find("photographic"), "int8", threads=None)
    network = model.compile(Size(384, 224))
    run = network.requests[0].run

    def run_wrongly() -> None:
        run()
        network.requests[0].matte[:] = np.nan

    network.requests[0].run = run_wrongly  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="computes wrong mattes"):
        model._require_right_matte(model._with_pixels_in(network.matte_size), network)


def test_it_is_not_ready_while_a_network_runs() -> None:
    choice = open_fixed()
    frame = Frame(np.zeros((SIZE.height, SIZE.width, 3), np.uint8), 0, 0.0, 0.0)
    assert choice.renderer.wait_until_ready(0.0)
    assert choice.renderer.submit(frame, parse("navy"))
    assert not choice.renderer.wait_until_ready(0.0)
    assert choice.renderer.wait_until_ready(5.0), "when its network is done, before it is collected"
    assert choice.renderer.collect(0.5) is not None
    choice.renderer.close()


def test_only_who_asks_for_both_views_has_memory_for_them() -> None:
    choice = open_fixed()
    renderer, best = choice.renderer, QUALITIES["best"]
    requests = renderer._network.requests  # type: ignore[attr-defined]
    image, many = np.zeros((SIZE.height, SIZE.width, 3), np.uint8), []
    for index, refinement in enumerate([None, None, None, best, None, None, DEFAULT, best]):
        if index >= renderer.depth:
            assert renderer.collect(20) is not None
        assert renderer.submit(Frame(image, index, 0.0, 0.0), parse("navy"), refinement)
        many.append(len(requests))
    assert many == [2, 2, 2, 3, 4, 4, 4, 4]
    renderer.close()


def test_closing_waits_for_what_is_in_flight() -> None:
    choice = open_fixed()
    frame = Frame(np.zeros((SIZE.height, SIZE.width, 3), np.uint8), 0, 0.0, 0.0)
    while choice.renderer.submit(frame, parse("navy")):
        pass
    choice.renderer.close()
    assert choice.renderer.wait_until_ready(0.0)
    assert choice.renderer.collect(0.1) is None


def test_the_network_is_freed_with_a_closed_renderer() -> None:
    """At once: collected as garbage it could be freed in any thread, one of its own even."""
    choice = open_renderer(RenderOptions(CPU, "fp32", matte_short_side=224), SIZE)
    render_for(choice, 0.1)
    assert isinstance(choice.renderer, OpenVinoRenderer)
    requests = [weakref.ref(each) for each in choice.renderer._network.requests]
    choice.renderer.close()
    gc.disable()
    try:
        del choice
        assert [each() for each in requests] == [None, None]
    finally:
        gc.enable()


def test_python_never_runs_in_openvinos_threads() -> None:
    """Where it might collect garbage, and free the network that the thread belongs to."""
    network = OpenVinoModel("CPU", weights.find("photographic"), "fp32", None).compile(
        network_size(SIZE, 224)
    )
    threads: list[threading.Thread] = []
    network.requests[0].start(lambda: threads.append(threading.current_thread()))
    network.requests[0].wait()
    assert [each.name for each in threads] == ["network"]

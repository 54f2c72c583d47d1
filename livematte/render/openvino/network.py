"""MODNet in OpenVINO: on one of its devices, at one precision, compiled for one size."""

from __future__ import annotations

import hashlib
import platform
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livematte.errors import DeviceError, RenderError, WeightsError
from livematte.network import weights
from livematte.network.openvino_runtime import load_openvino
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE
from livematte.render.openvino import cache as network_cache
from livematte.render.openvino.digest import model_sha256
from livematte.render.probe import PROBE_TOLERANCE, probe_pixels
from livematte.render.processor import cores, features, has_int8_dot_product
from livematte.threads.start import PATIENCE_SECONDS, start

if TYPE_CHECKING:
    from livematte.frame import Image, Size

REQUESTS: Final = 2
"""Inference requests per network: one computes while the matte of the other is used."""

_DEVICE_PROPERTIES: Final = (
    *("FULL_DEVICE_NAME", "DEVICE_ARCHITECTURE", "OPTIMIZATION_CAPABILITIES"),
    *("DRIVER_VERSION", "GPU_UARCH_VERSION", "NPU_DRIVER_VERSION", "NPU_COMPILER_VERSION"),
)
"""Properties of an OpenVINO device that a compiled network can depend on."""

_WARM_UP_RUNS: Final = 2


class OpenVinoModel:
    """The network before it is compiled, for one device and precision.

    device: OpenVINO's name: CPU, GPU, GPU.1, NPU.
    device_name: the same for people: "the CPU", or the device's own name.
    precision: fp32, int8 or fp16; "auto" is already resolved.
    """

    def __init__(
        self,
        device: str,
        weights_path: Path,
        precision: str,
        threads: int | None,
        streams: int = 1,
        requests: int = REQUESTS,
        on_change: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """threads: how many CPU cores to use; all if None.

        streams: how many inferences run in parallel, each on its share of the cores. One stream
            has the lowest latency; one per core has the highest throughput.
        requests: how many inferences of a compiled network can be in flight.
        on_change: called with a sentence, from any thread, when a cached network could not be used.

        Raises ImportError if OpenVINO cannot be loaded, `DeviceError` if OpenVINO does not find the
        device or the device does not support the precision, `WeightsError` if the weights cannot
        be used.
        """
        openvino = load_openvino()
        self._openvino = openvino
        self._core = openvino.Core()
        self._requests = requests
        self._on_change = on_change
        self.device = device
        if device not in self._core.available_devices:
            known = ", ".join(self._core.available_devices) or "none"
            raise DeviceError(
                f"OpenVINO does not find the device {device} (found: {known}).",
                "Install the device's driver, or choose --device cpu.",
            )
        is_cpu = device == "CPU"
        self.device_name = (
            "the CPU" if is_cpu else self._core.get_property(device, "FULL_DEVICE_NAME")
        )
        quantized = weights.find_quantized(weights_path)
        if precision == "auto":
            # GPUs and NPUs are made for fp16; `compile` checks that their mattes are correct.
            on_cpu = "int8" if quantized is not None and has_int8_dot_product() else "fp32"
            precision = on_cpu if is_cpu else "fp16"
        self.precision = precision
        self._require_precision()
        if precision == "int8":
            if quantized is None:
                raise WeightsError(
                    f"{weights_path} has no int8 form.",
                    f"Create it with `livematte weights quantize {weights_path}`, or leave out "
                    "--precision.",
                )
            graph, numbers = weights.read_quantized(quantized)
            try:
                self._model = self._core.read_model(graph, numbers)
            except RuntimeError as error:
                problem = f"{quantized} is damaged or not an OpenVINO network."
                raise WeightsError(problem, weights.QUANTIZE_AGAIN) from error
        else:
            from livematte.network.graph import build_modnet

            self._model = build_modnet(weights.fold(weights.read(weights_path)))
        self._config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            # By default OpenVINO computes in bf16 where the CPU can, which ruins the matte.
            "INFERENCE_PRECISION_HINT": "f16" if precision == "fp16" else "f32",
        }
        if is_cpu:
            # A pinned thread waits for other programs on its core while another core idles.
            self._config["ENABLE_CPU_PINNING"] = False
            if threads is not None:
                self._config["INFERENCE_NUM_THREADS"] = threads
            if streams > 1:
                self._config["PERFORMANCE_HINT"] = "THROUGHPUT"
                self._config["NUM_STREAMS"] = streams

    def _require_precision(self) -> None:
        capabilities = self._core.get_property(self.device, "OPTIMIZATION_CAPABILITIES")
        if self.precision == "fp16" and "FP16" not in capabilities:
            raise DeviceError(
                f"{self.device_name} does not support fp16.",
                "Leave out --precision, or choose --precision int8 or fp32.",
            )

    def compile(self, matte_size: Size, *, lasting: bool = True) -> OpenVinoNetwork:
        """The network for mattes of `matte_size`.

        lasting: warm the network up, and store it in the user's cache folder for the next start.
            Not for photos: each may need another size, which would fill the folder for little.

        Raises `DeviceError` if the device refuses the network or computes wrong mattes.
        """
        try:
            model = self._with_pixels_in(matte_size)
            key = self._key(model) if lasting and self._is_worth_keeping else None
            if key is not None and (network := self._stored(key, model, matte_size)) is not None:
                return network
            compiled = self._core.compile_model(model, self.device, self._config)
            network = self._ready(compiled, model, matte_size, lasting)
            if key is not None:
                with suppress(RuntimeError):  # some devices cannot export networks
                    network_cache.store(key, compiled.export_model().getvalue())
            return network
        except RuntimeError as error:
            raise DeviceError(
                f"OpenVINO could not compile the network for {self.device_name} "
                f"({_last_line(error)}).",
                "Choose --device cpu or --device torch:cpu.",
            ) from error

    @property
    def _is_worth_keeping(self) -> bool:
        """Whether storing the network makes the next start faster.

        On the CPU, reading and verifying fp32 takes as long as compiling it (0.14 s at 448x256, two
        cores), int8 half as long (0.17 s of 0.34).
        """
        return self.device != "CPU" or self.precision == "int8"

    def _stored(self, key: str, model: Any, matte_size: Size) -> OpenVinoNetwork | None:
        """The cached network of an earlier start; None if there is none or it cannot be used."""
        try:
            stored = network_cache.load(key)
            if stored is None:
                return None
            compiled = self._core.import_model(stored, self.device, self._config)
            return self._ready(compiled, model, matte_size, lasting=True)
        except network_cache.UnusableError as error:
            why = str(error)
        except RuntimeError:
            why = "was rejected by OpenVINO"
        except DeviceError as error:
            why = f"is wrong: {error.problem.rstrip('.')}"
        path = network_cache.cached_path(key)
        self._on_change(f"The cached network {path} {why}; compiling it again.")
        return None

    def _ready(self, compiled: Any, model: Any, matte_size: Size, lasting: bool) -> OpenVinoNetwork:
        network = OpenVinoNetwork(self._openvino, compiled, matte_size, self._requests)
        if lasting:
            network.warm_up()
        if self.device != "CPU":
            self._require_right_matte(model, network)
        return network

    def _key(self, model: Any) -> str:
        """A hash of everything that the compiled `model` depends on.

        Computers with different instruction sets can share a home folder.
        """
        told = {}
        for name in _DEVICE_PROPERTIES:
            with suppress(RuntimeError):  # each device has its own
                told[name] = str(self._core.get_property(self.device, name))
        described = (
            self._openvino.__version__,
            *(platform.system(), platform.machine(), self.device, told),
            (sorted(features()), cores()) if self.device == "CPU" else None,
            sorted(self._config.items()),
            model_sha256(model),
        )
        return hashlib.sha256(repr(described).encode()).hexdigest()

    def _require_right_matte(self, model: Any, network: OpenVinoNetwork) -> None:
        """Compare the device's matte with the CPU's, which is known to be right."""
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        on_cpu = self._core.compile_model(model, "CPU", exact)
        right = OpenVinoNetwork(self._openvino, on_cpu, network.matte_size)
        pixels = probe_pixels(network.matte_size)[0].transpose(1, 2, 0)[..., ::-1]
        mattes = []
        for each in (right, network):
            request = each.requests[0]
            np.copyto(request.pixels, pixels * PIXEL_SCALE + PIXEL_MEAN, casting="unsafe")
            request.run()
            mattes.append(request.matte)
        difference = np.abs(mattes[0] - mattes[1]).mean()
        if not difference <= PROBE_TOLERANCE:  # never true of NaN
            raise DeviceError(
                f"{self.device_name} computes wrong mattes in {self.precision}.",
                "Update its driver, try another --precision, or choose --device cpu.",
            )

    def _with_pixels_in(self, matte_size: Size) -> Any:
        """The model with camera pixels as its input: uint8 BGR (1, h, w, 3)."""
        openvino = self._openvino
        model = self._model.clone()
        model.reshape([1, 3, matte_size.height, matte_size.width])
        preprocessing = openvino.preprocess.PrePostProcessor(model)
        pixels = preprocessing.input()
        pixels.tensor().set_element_type(openvino.Type.u8)
        pixels.tensor().set_layout(openvino.Layout("NHWC"))
        pixels.tensor().set_color_format(openvino.preprocess.ColorFormat.BGR)
        pixels.model().set_layout(openvino.Layout("NCHW"))
        steps = pixels.preprocess().convert_element_type(openvino.Type.f32)
        steps.convert_color(openvino.preprocess.ColorFormat.RGB).mean(PIXEL_MEAN).scale(PIXEL_SCALE)
        return preprocessing.build()


class _Inference(NamedTuple):
    request: Request
    on_done: Callable[[], None]


class Request:
    """One inference with its own memory.

    pixels: uint8 BGR (h, w, 3) of the matte's size; fill it before `start`.
    matte: float32 (h, w) in [0, 1], valid when the inference is done.

    A Python thread waits for each inference; OpenVINO's callbacks are not used. In a callback, on
    a thread of OpenVINO's, Python could free an unused network. That joins the network's threads,
    and a thread that joins itself crashes the program.

    The thread starts once, in `prepare` or the first `start`, and ends when the request is freed.
    No thread is started while pictures come, because the system may refuse to start one.
    """

    def __init__(self, openvino: Any, compiled: Any, matte_size: Size) -> None:
        shape = (matte_size.height, matte_size.width)
        self.pixels: Image = np.zeros((*shape, 3), np.uint8)
        self.matte: NDArray[np.float32] = np.zeros(shape, np.float32)
        self._asked: SimpleQueue[_Inference | None] = SimpleQueue()
        self._has_waiter = False
        self._done = threading.Event()
        self._done.set()
        self._error: Exception | None = None
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(openvino.Tensor(self.pixels[None], shared_memory=True))
        self._request.set_output_tensor(openvino.Tensor(self.matte[None, None], shared_memory=True))

    def prepare(self) -> None:
        """Start the thread that `start` needs. Raises `NoThreadError` if the system refuses."""
        if not self._has_waiter:
            # The thread must not reference the request, or neither would ever be freed.
            waiter = threading.Thread(
                target=_compute_what_is_asked, args=(self._asked,), name="network", daemon=True
            )
            start(waiter, PATIENCE_SECONDS)
            weakref.finalize(self, self._asked.put, None)
            self._has_waiter = True

    def start(self, on_done: Callable[[], None]) -> None:
        """Start computing; `on_done` is called from another thread, even if the inference fails."""
        self.prepare()
        # Values that OpenVINO does not overwrite must not pass for this frame's matte.
        self.matte.fill(np.nan)
        self._error = None
        self._done.clear()
        self._asked.put(_Inference(self, on_done))

    def wait(self) -> None:
        """Wait until `matte` is done. Raises `RenderError` if the inference failed."""
        self._done.wait()
        if self._error is not None:
            raise _failed(self._error) from self._error

    def run(self) -> None:
        """Compute on the calling thread, with the current `pixels`."""
        self._request.start_async()
        self._request.wait()


def _compute_what_is_asked(asked: SimpleQueue[_Inference | None]) -> None:
    while (inference := asked.get()) is not None:
        request, on_done = inference
        done = request._done
        try:
            request.run()
        except Exception as error:
            request._error = error
        # Any reference kept here would keep the request and its network until the next inference.
        del inference, request
        on_done()
        del on_done
        done.set()


class OpenVinoNetwork:
    """The network, compiled for mattes of one size."""

    def __init__(
        self, openvino: Any, compiled: Any, matte_size: Size, requests: int = REQUESTS
    ) -> None:
        self.matte_size = matte_size
        self._openvino = openvino
        self._compiled = compiled
        self.requests = [Request(openvino, compiled, matte_size) for _ in range(requests)]

    def free(self, count: int, taken: Sequence[Request]) -> list[Request]:
        """`count` requests that are not `taken`.

        Missing requests are created and kept: each needs memory for its inference's intermediate
        results.

        Raises `RenderError` if there is not enough memory.
        """
        free = [each for each in self.requests if each not in taken]
        while len(free) < count:
            try:
                made = Request(self._openvino, self._compiled, self.matte_size)
            except RuntimeError as error:
                raise _failed(error) from error
            self.requests.append(made)
            free.append(made)
        return free

    def warm_up(self) -> None:
        """Start all threads and compute a few mattes of empty pictures: the first ones are slow."""
        for request in self.requests:
            request.prepare()
            for _ in range(_WARM_UP_RUNS):
                request.run()


def _failed(error: Exception) -> RenderError:
    return RenderError(
        f"OpenVINO failed on a frame ({_last_line(error)}).",
        "Try again; if it fails again, use --device torch:cpu.",
    )


def _last_line(error: Exception) -> str:
    """OpenVINO's errors list many lines of its source files; the last line says the most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

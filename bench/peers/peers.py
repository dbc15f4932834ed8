"""Measures pytorch-grad-cam and Ultralytics' predict(visualize=True), as bench/README.md describes. Not part of the product.

    python bench/peers/peers.py --onnx YOLOV5S.onnx [--weights yolov5s.pt] [--threads 2] [--repeats 15] [--no-save]

Every call takes turns with a plain PyTorch pass of its own network and a plain ONNX Runtime pass of YOLOv5s, on the photo and at the size of
`npm run bench`. Without --weights, YOLOv5s has random weights: the same time. Ultralytics' network has random weights in any case, because
its trained ones are not on PyPI.
"""
import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SCRATCH = tempfile.mkdtemp(prefix="whybox-peers-")
os.environ.setdefault("YOLO_CONFIG_DIR", SCRATCH)
os.environ.setdefault("YOLO_OFFLINE", "true")

import cv2
import numpy as np
import onnxruntime
import torch
import yolov5.models.common
import yolov5.models.yolo
from pytorch_grad_cam import AblationCAM, EigenCAM, GradCAM, LayerCAM
from pytorch_grad_cam.ablation_layer import AblationLayer
from ultralytics import YOLO
from ultralytics.utils import LOGGER

ROOT = pathlib.Path(__file__).parents[2]
PHOTO = ROOT / "fixtures" / "photos" / "dog.jpg"
SIZE = (480, 640)
PACKAGES = ["torch", "grad-cam", "ultralytics", "yolov5", "onnxruntime", "numpy"]
REFERENCE = "YOLOv5s"
ULTRALYTICS = "yolov5s.yaml of ultralytics"


class Predictions(torch.nn.Module):
    """The network without its raw maps: pytorch-grad-cam expects one output."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)[0]


class Row:
    """The score of one row of the predictions: log(objectness × class probability)."""

    def __init__(self, row):
        self.row = row

    def __call__(self, predictions):
        row = predictions[self.row]
        return torch.log(row[4] * row[5:].max() + 1e-12)


def reference_network(weights):
    if weights is None:
        torch.manual_seed(0)
        network = yolov5.models.yolo.Model(pathlib.Path(yolov5.models.yolo.__file__).with_name("yolov5s.yaml"))
    else:
        # A checkpoint names the modules as they are called in the repository of YOLOv5.
        for name in ["models", "models.common", "models.yolo"]:
            sys.modules[name] = sys.modules[f"yolov5.{name}"]
        checkpoint = torch.load(weights, map_location="cpu", weights_only=False)
        network = (checkpoint.get("ema") or checkpoint["model"]).float()
    network = network.fuse().eval()
    # No gradients of weights: pytorch-grad-cam does not need them, and the pass is faster.
    return network.requires_grad_(False)


def load_input():
    height, width = SIZE
    image = cv2.resize(cv2.imread(str(PHOTO)), (width, height))[:, :, ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32) / 255


def plain_onnx(path, pixels, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As in npm run bench: threads that spin on would slow down the next call.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: pixels})


def plain_torch(network, x):
    def run():
        with torch.inference_mode():
            network(x)

    return run


def strongest_rows(network, x, count):
    with torch.no_grad():
        predictions = network(x)[0]
    return (predictions[:, 4] * predictions[:, 5:].amax(1)).topk(count).indices.tolist()


def explain_rows(cam_class, layers, count, network, pixels, **options):
    """Heatmaps of the strongest rows, one call for each, as NumPy arrays at the size of the input."""
    model = Predictions(network)
    rows = strongest_rows(model, torch.from_numpy(pixels), count)
    # The weights have no gradients, so the input asks for one.
    x = torch.from_numpy(pixels).requires_grad_(True)

    def call():
        with cam_class(model=model, target_layers=layers, **options) as cam:
            for row in rows:
                cam(input_tensor=x, targets=[Row(row)])

    return call


def grad_cam_calls(network, pixels):
    layers = network.model
    fast = [layers[6], layers[9], layers[13]]
    calls = {
        "Grad-CAM at −2": (GradCAM, [layers[23]], 1),
        "Grad-CAM at 17": (GradCAM, [layers[17]], 1),
        "EigenCAM at 17": (EigenCAM, [layers[17]], 1),
        "LayerCAM at three layers like those of tap-fusion-fast, 1 detection": (LayerCAM, fast, 1),
        "the same, 5 detections, one call each": (LayerCAM, fast, 5),
    }
    return {f"pytorch-grad-cam: {name}": explain_rows(*call, network, pixels) for name, call in calls.items()}


def ablation_call(network, pixels):
    """Of 512 channels. It runs the whole network for each. The library replaces the module, so it is the last one inside of layer 23."""
    layers = [network.model[23].cv3]
    return explain_rows(AblationCAM, layers, 1, network, pixels, ablation_layer=AblationLayer(), batch_size=8)


def enliven(network, x):
    """Fits the batch normalisation of random weights to the photo. Otherwise all cells have the same score."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(x)
    network.eval()


def ultralytics_calls(pixels):
    """predict() with and without its class activation map, which it draws and writes as JPEG. Returns also the plain pass of its network."""
    torch.manual_seed(0)
    yolo = YOLO("yolov5s.yaml", verbose=False)
    enliven(yolo.model, torch.from_numpy(pixels))
    common = {"source": str(PHOTO), "imgsz": max(SIZE), "project": SCRATCH, "verbose": False, "device": "cpu"}
    yolo.predict(**common)
    fused = yolo.predictor.model
    x = torch.from_numpy(pixels)
    with torch.inference_mode():
        scores = fused(x)[0][0, 4:].amax(0).sort(descending=True).values

    def predict(count):
        """Explains the `count` strongest predictions: those above the threshold."""
        confidence = float(scores[count - 1] + scores[count]) / 2
        return lambda: yolo.predict(**common, visualize=True, conf=confidence)

    calls = {
        "ultralytics: predict(path)": lambda: yolo.predict(**common),
        "ultralytics: predict(path, visualize=True), 1 prediction": predict(1),
        "ultralytics: predict(path, visualize=True), 5 predictions": predict(5),
    }
    return calls, plain_torch(fused, x)


def timed(call):
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def in_turns(calls, repeats):
    """Median milliseconds of each call. Every other round goes backwards."""
    for call in calls.values():
        call()
        call()
    times = {name: [] for name in calls}
    for i in range(repeats):
        for name in list(calls)[:: 1 if i % 2 == 0 else -1]:
            times[name].append(timed(calls[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def processor():
    for line in open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--onnx", required=True, help="YOLOv5s as ONNX")
    parser.add_argument("--weights", help="YOLOv5s as a checkpoint")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--no-save", action="store_true")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    LOGGER.setLevel("ERROR")
    pixels = load_input()

    network = reference_network(flags.weights)
    grad_cam = grad_cam_calls(network, pixels)
    ultralytics, ultralytics_plain = ultralytics_calls(pixels)
    plain = {
        "onnx": plain_onnx(flags.onnx, pixels, flags.threads),
        REFERENCE: plain_torch(network, torch.from_numpy(pixels)),
        ULTRALYTICS: ultralytics_plain,
    }
    calls = {**plain, **grad_cam, **ultralytics}
    ms = in_turns(calls, flags.repeats)
    ablation = "pytorch-grad-cam: AblationCAM at −2, 512 channels"
    ms[ablation] = timed(ablation_call(network, pixels))

    rows = []
    for name in [*grad_cam, ablation, *ultralytics]:
        network_name = ULTRALYTICS if name in ultralytics else REFERENCE
        row = {
            "name": name,
            "network": network_name,
            "overTorch": round(ms[name] / ms[network_name], 3),
            "overOnnx": round(ms[name] / ms["onnx"], 3),
            "ms": round(ms[name], 1),
            "repeats": 1 if name == ablation else flags.repeats,
        }
        rows.append(row)
        print(f"{name:84} {row['overTorch']:8.2f} × PyTorch {row['overOnnx']:8.2f} × ONNX Runtime {row['ms']:9.1f} ms")
    plain_ms = {name: round(ms[name], 1) for name in plain}
    print("plain passes, ms:", plain_ms)
    if flags.no_save:
        return
    results = {
        "date": datetime.date.today().isoformat(),
        "threads": flags.threads,
        "cpu": processor(),
        "input": list(pixels.shape),
        "versions": {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}},
        "plainMs": plain_ms,
        "rows": rows,
    }
    path = ROOT / "bench" / "results" / "peers.json"
    path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    subprocess.run(["node", str(ROOT / "bench" / "write-tables.mjs")], check=True)
    print(f"Saved to {path}")


if __name__ == "__main__":
    main()

"""Explains validation images after an epoch of a training with Ultralytics, through the command.

    from ultralytics import YOLO
    from ultralytics_callback import explain_after

    model = YOLO("yolov8n.pt")
    model.add_callback("on_model_save", explain_after(every=5, images=20))
    model.train(data="data.yaml", epochs=50)

After each fifth epoch the folder of the training has whybox/epoch5/report.html. A failure never ends the training: it is printed.
WHYBOX is how the command is started (default: npx whybox).
"""

import os
import shlex
import subprocess

WHYBOX = shlex.split(os.environ.get("WHYBOX", "npx whybox"))


def export_onnx(checkpoint):
    """Exports a copy of the checkpoint. The model in training is not changed."""
    from ultralytics import YOLO

    return YOLO(checkpoint).export(format="onnx")


def explain_after(every=1, images=20, options=(), export=export_onnx):
    """A callback for `on_model_save`, which runs when the weights of the epoch are written."""

    def callback(trainer):
        epoch = trainer.epoch + 1
        if epoch % every != 0:
            return
        out = os.path.join(str(trainer.save_dir), "whybox", f"epoch{epoch}")
        files = [str(path) for path in trainer.test_loader.dataset.im_files[:images]]
        try:
            explain(files, str(export(str(trainer.last))), out, options)
        except Exception as error:  # The training is worth more than its explanation.
            print(f"whybox: epoch {epoch} is not explained: {error}")

    return callback


def explain(files, weights, out, options=()):
    """Makes a run of the images, and its report. The list is beside the folder of the run, which must be empty."""
    os.makedirs(os.path.dirname(out), exist_ok=True)
    listed = f"{out}.txt"
    with open(listed, "w", encoding="utf-8") as file:
        file.writelines(f"{os.path.abspath(path)}\n" for path in files)
    words = ["--weights", weights, "--out", out, "--quiet", *options]
    subprocess.run([*WHYBOX, "run", listed, *words], check=True)
    subprocess.run([*WHYBOX, "report", out, "--truth", "none", "--quiet"], check=True)

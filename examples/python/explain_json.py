"""Explains an image with the command and prints where the heat of each detection is.

    python explain_json.py IMAGE [MODEL] [OPTION...]

Needs Python 3.9 and the command: `npm install -g whybox`, or set WHYBOX to how it is started (default: npx whybox).
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile

WHYBOX = shlex.split(os.environ.get("WHYBOX", "npx whybox"))


def explain(image, model="yolov5s", options=()):
    """Returns the document of `whybox explain --json` for one image (docs/result-json.md)."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*WHYBOX, "explain", image, "--weights", model, "--out", folder, "--json", *options]
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    if not done.stdout:
        sys.exit(done.returncode)  # The command has said why on stderr.
    document = json.loads(done.stdout)
    if not document["results"]:
        sys.exit(done.returncode)
    return document["results"][0]


def main(image, model="yolov5s", *options):
    result = explain(image, model, options)
    heats = {index: one["heat"] for one in result["maps"] for index in one["detections"]}
    for detection in result["detections"]:
        heat = heats.get(detection["index"])
        place = "no heat" if heat is None else f"{heat['inBox']:.0%} of the heat in the box"
        print(f"{detection['className']} {detection['confidence']:.2f}: {place}")


if __name__ == "__main__":
    main(*sys.argv[1:])

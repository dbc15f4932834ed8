"""Sends an image to `whybox serve`, prints the detections, and saves the image with its heatmap.

    python call_server.py ADDRESS IMAGE HEATMAP.png

ADDRESS is that of the server, such as http://127.0.0.1:8080. A token is read from WHYBOX_TOKEN. Uses the standard library only.
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.request


def explain(address, image, options=None):
    """Returns the result document of an image, with `attachments` (docs/serve.md)."""
    with open(image, "rb") as file:
        body = {"image": {"b64": base64.b64encode(file.read()).decode()}, "options": options or {}}
    headers = {"content-type": "application/json"}
    if "WHYBOX_TOKEN" in os.environ:
        headers["authorization"] = f"Bearer {os.environ['WHYBOX_TOKEN']}"
    request = urllib.request.Request(f"{address}/v1/explain", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {json.load(error)['detail']}")


def main(address, image, out):
    result = explain(address, image, {"save": ["png"]})
    for detection in result["detections"]:
        print(f"{detection['className']} {detection['confidence']:.2f}")
    with open(out, "wb") as file:
        file.write(base64.b64decode(result["attachments"][result["files"]["png"]]))
    print(f"saved {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Opens the export of a run for FiftyOne: samples with detections, heatmaps and tags.

    whybox export RUN --to fiftyone
    python fiftyone_samples.py RUN/export/fiftyone [--launch]

With FiftyOne installed (pip install fiftyone) it loads the dataset, and --launch opens the app. Without it, it prints what is in
the export.
"""

import json
import os
import sys


def read_samples(folder):
    """Yields the samples of the export as dictionaries. The heatmap of a sample is a grey PNG of 32 x 32 pixels."""
    with open(os.path.join(folder, "samples.json"), encoding="utf-8") as file:
        for sample in json.load(file)["samples"]:
            if "heatmap" in sample:
                sample["heatmap"]["map_path"] = os.path.join(folder, sample["heatmap"]["map_path"])
            yield sample


def main(folder, *flags):
    try:
        import fiftyone
    except ImportError:
        fiftyone = None
    if fiftyone is None:
        for sample in read_samples(folder):
            found = sample["predictions"]["detections"]
            heat = "with a heatmap" if "heatmap" in sample else "without a heatmap"
            tags = "".join(f" [{tag}]" for tag in sample["tags"])
            print(f"{os.path.basename(sample['filepath'])}: {len(found)} detections, {heat}{tags}")
        return
    dataset = fiftyone.Dataset.from_dir(folder, dataset_type=fiftyone.types.FiftyOneDataset)
    # The detections whose heat is mostly outside their boxes.
    outside = dataset.filter_labels("predictions", fiftyone.ViewField("in_box") < 0.5)
    print(f"{len(dataset)} samples, {outside.count('predictions.detections')} detections with their heat mostly outside")
    if "--launch" in flags:
        fiftyone.launch_app(outside).wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

/** The 80 COCO classes in the order of YOLO models. */
export const cocoNames: readonly string[] = [
  "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign",
  "parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella",
  "handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard",
  "surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange",
  "broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop",
  "mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors",
  "teddy bear, hair drier, toothbrush",
].flatMap((line) => line.split(", "));

/** Classes that COCO names and has no boxes of, by their number. */
const UNUSED: ReadonlyMap<number, string> = new Map([
  ...([
    [12, "street sign"],
    [26, "hat"],
    [29, "shoe"],
    [30, "eye glasses"],
    [45, "plate"],
    [66, "mirror"],
  ] as const),
  ...([
    [68, "window"],
    [69, "desk"],
    [71, "door"],
    [83, "blender"],
  ] as const),
]);

/** COCO's classes by the numbers of its annotations, 1 to 90, as in the models of torchvision and TensorFlow. 0 is the background. */
export const cocoNumbers: readonly string[] = numbered();

function numbered(): string[] {
  const names = ["background"];
  for (const name of cocoNames) {
    for (let unused = UNUSED.get(names.length); unused !== undefined; unused = UNUSED.get(names.length)) {
      names.push(unused);
    }
    names.push(name);
  }
  return names;
}

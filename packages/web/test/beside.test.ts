import fc from "fast-check";
import { expect, it } from "vitest";
import { placeBeside } from "../src/ui/beside.js";
import { classNamed } from "../src/ui/class-named.js";

const photo = { width: 800, height: 600 };
const form = { width: 320, height: 150 };

it("the form stands beside the box: right, left, below, above, else below over the edge of the photo", () => {
  const place = (x1: number, y1: number, x2: number, y2: number) => placeBeside({ x1, y1, x2, y2 }, form, photo);
  expect(place(100, 200, 300, 300)).toEqual({ left: 322, top: 175 });
  expect(place(500, 200, 700, 300)).toEqual({ left: 158, top: 175 });
  expect(place(200, 100, 600, 300)).toEqual({ left: 200, top: 322 });
  expect(place(200, 300, 600, 590)).toEqual({ left: 200, top: 128 });
  expect(place(0, 0, 800, 600)).toEqual({ left: 8, top: 622 });
});

it("the form never covers the box", () => {
  const side = (max: number) => fc.tuple(fc.integer({ min: 0, max }), fc.integer({ min: 0, max }));
  const property = fc.property(side(800), side(600), ([a, b], [c, d]) => {
    const box = { x1: Math.min(a, b), y1: Math.min(c, d), x2: Math.max(a, b) + 1, y2: Math.max(c, d) + 1 };
    const { left, top } = placeBeside(box, form, photo);
    const isApart = left >= box.x2 || left + form.width <= box.x1 || top >= box.y2 || top + form.height <= box.y1;
    return isApart && left >= 0 && top >= 0 && left + form.width <= photo.width;
  });
  fc.assert(property, { seed: 17 });
});

it("a typed class is its name, its name in other letters, or the only one that starts so", () => {
  const names = ["cat", "Catfish", "dog", "traffic light"];
  expect(classNamed(" cat ", names)).toBe("cat");
  expect(classNamed("CATFISH", names)).toBe("Catfish");
  expect(classNamed("tra", names)).toBe("traffic light");
  expect(classNamed("D", names)).toBe("dog");
  for (const typed of ["", "  ", "ca", "bird"]) expect(classNamed(typed, names)).toBeUndefined();
});

/**
 * Jet, as in OpenCV. Each channel is a trapezoid over 0..1, in steps of 4/255 per colour. Halves are rounded to even.
 * Most CAM papers use it. It is not perceptually uniform: use inferno or viridis to compare values.
 */
export function jet(): Uint8Array {
  const table = new Uint8Array(768);
  for (let i = 0; i < 256; i++) {
    table[3 * i] = channel(4 * i - 382.5, 1147.5 - 4 * i);
    table[3 * i + 1] = channel(4 * i - 127.5, 892.5 - 4 * i);
    table[3 * i + 2] = channel(4 * i + 127.5, 637.5 - 4 * i);
  }
  // The formula gives 1.5 here. The constant in OpenCV's source is slightly smaller, so its table has 1.
  table[3 * 159 + 2] = 1;
  return table;
}

function channel(rising: number, falling: number): number {
  return roundHalfEven(Math.min(Math.max(Math.min(rising, falling), 0), 255));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

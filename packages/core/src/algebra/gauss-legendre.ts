/** Each Newton step doubles the number of correct digits. From the start value below, five steps reach float64. */
const NEWTON_STEPS = 8;

/**
 * Returns the points and weights of the Gauss–Legendre rule with `count` points on 0..1: `∫ f ≈ Σ weight · f(point)`. The rule is exact for
 * polynomials of degree up to `2 · count − 1`. The sum of the weights is 1. Points are in ascending order. Newton's method finds the roots of
 * the Legendre polynomial (Abramowitz and Stegun, 25.4.29).
 */
export function gaussLegendre(count: number): { readonly point: number; readonly weight: number }[] {
  return Array.from({ length: count }, (_, i) => {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    for (let step = 0; step < NEWTON_STEPS; step++) {
      const [value, slope] = legendre(count, x);
      x -= value / slope;
    }
    const [, slope] = legendre(count, x);
    return { point: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
}

/** Returns the Legendre polynomial of `degree` (1 or more) and its derivative at `x`, |x| < 1. */
function legendre(degree: number, x: number): readonly [value: number, slope: number] {
  let before = 1;
  let value = x;
  for (let n = 2; n <= degree; n++) {
    const next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
    before = value;
    value = next;
  }
  return [value, (degree * (x * value - before)) / (x * x - 1)];
}

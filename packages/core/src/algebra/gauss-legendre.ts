/** Newton's steps double the right digits; from the cosine below, five reach float64. */
const NEWTON_STEPS = 8;

/**
 * Points and weights of the Gauss–Legendre rule with `count` points on 0..1: `∫ f ≈ Σ weight · f(point)`, exact for polynomials
 * of degree up to `2 · count − 1`. Weights add up to 1. Points ascend. Roots of the Legendre polynomial by Newton's method
 * (Abramowitz and Stegun, 25.4.29).
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

/** The Legendre polynomial of a degree of 1 or more and its derivative, at |x| < 1. */
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

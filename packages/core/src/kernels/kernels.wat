;; The inner loops of resample.ts, range.ts, row-products.ts and weighted-sum.ts for WebAssembly SIMD, four values at a time.
;; `node scripts/build-kernels.mjs` assembles them into kernels.ts; kernels-memory.ts has them, kernels-resample.ts and the other three call them.
;;
;; A resize is two steps, as in OpenCV: "mix" goes along the rows (every source row that is needed becomes one as wide as the
;; target), "blend" goes down the columns (two mixed rows become one row of the target). Who calls writes tables of taps first:
;;
;;   of bytes, a column   i32 where its left pixel begins in the row, i16 weight left, i16 weight right (the right pixel follows)
;;   of bytes, a row      i32 where the row above begins among the mixed rows, i32 the one below, i32 weight above, i32 below
;;   of floats, both      i32 where the lower one begins, i32 the upper one, f64 weight of the lower, f64 of the upper
;;
;; All places and lengths are in bytes. Mixed rows are padded to whole vectors with another column's values (which widen no range), so the
;; last vector of a row is written up to 12 bytes beyond it: the next row overwrites them, and after the last row the caller leaves them free.
(module
  (import "host" "memory" (memory 1))

  ;; RGB bytes → three planes of i32, one row after the other: (left·a + right·b) >> 4, at most 255·2049 >> 4, so 15 bits.
  ;; Of each pixel the bytes r g b r' g' b' are read (and two beyond them; after the last row 5 bytes), paired as [r r' g g' b b'], and multiplied by [a b a b a b].
  (func (export "mixBytes")
    (param $from i32) (param $fromBytes i32) (param $rows i32) (param $columns i32) (param $planeBytes i32) (param $into i32)
    (local $column i32) (local $end i32)
    (local $p0 v128) (local $p1 v128) (local $p2 v128) (local $p3 v128) (local $redGreen v128) (local $redGreen2 v128)
    (loop $row
      (local.set $column (local.get $columns))
      (local.set $end (i32.add (local.get $into) (local.get $planeBytes)))
      (loop $four
        (local.set $p0
          (i32x4.shr_s
            (i32x4.dot_i16x8_s
              (i8x16.swizzle
                (v128.load64_zero (i32.add (local.get $from) (i32.load (local.get $column))))
                (v128.const i8x16 0 0x80 3 0x80 1 0x80 4 0x80 2 0x80 5 0x80 0x80 0x80 0x80 0x80))
              (v128.load32_splat offset=4 (local.get $column)))
            (i32.const 4)))
        (local.set $p1
          (i32x4.shr_s
            (i32x4.dot_i16x8_s
              (i8x16.swizzle
                (v128.load64_zero (i32.add (local.get $from) (i32.load offset=8 (local.get $column))))
                (v128.const i8x16 0 0x80 3 0x80 1 0x80 4 0x80 2 0x80 5 0x80 0x80 0x80 0x80 0x80))
              (v128.load32_splat offset=12 (local.get $column)))
            (i32.const 4)))
        (local.set $p2
          (i32x4.shr_s
            (i32x4.dot_i16x8_s
              (i8x16.swizzle
                (v128.load64_zero (i32.add (local.get $from) (i32.load offset=16 (local.get $column))))
                (v128.const i8x16 0 0x80 3 0x80 1 0x80 4 0x80 2 0x80 5 0x80 0x80 0x80 0x80 0x80))
              (v128.load32_splat offset=20 (local.get $column)))
            (i32.const 4)))
        (local.set $p3
          (i32x4.shr_s
            (i32x4.dot_i16x8_s
              (i8x16.swizzle
                (v128.load64_zero (i32.add (local.get $from) (i32.load offset=24 (local.get $column))))
                (v128.const i8x16 0 0x80 3 0x80 1 0x80 4 0x80 2 0x80 5 0x80 0x80 0x80 0x80 0x80))
              (v128.load32_splat offset=28 (local.get $column)))
            (i32.const 4)))
        ;; Four pixels [r g b 0] → four reds, four greens, four blues.
        (local.set $redGreen
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $p0) (local.get $p1)))
        (local.set $redGreen2
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $p2) (local.get $p3)))
        (v128.store (local.get $into)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $redGreen) (local.get $redGreen2)))
        (v128.store (i32.add (local.get $into) (local.get $planeBytes))
          (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $redGreen) (local.get $redGreen2)))
        (v128.store (i32.add (local.get $into) (i32.shl (local.get $planeBytes) (i32.const 1)))
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
            (i8x16.shuffle 8 9 10 11 24 25 26 27 8 9 10 11 24 25 26 27 (local.get $p0) (local.get $p1))
            (i8x16.shuffle 8 9 10 11 24 25 26 27 8 9 10 11 24 25 26 27 (local.get $p2) (local.get $p3))))
        (local.set $column (i32.add (local.get $column) (i32.const 32)))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (br_if $four (i32.lt_u (local.get $into) (local.get $end))))
      (local.set $into (i32.add (local.get $into) (i32.shl (local.get $planeBytes) (i32.const 1))))
      (local.set $from (i32.add (local.get $from) (local.get $fromBytes)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; Two rows of three planes each → bytes / 255: ((above·a >> 16) + (below·b >> 16) + 2) >> 2. Values and weights have at most
  ;; 15 bits, so the dot product of their halves is their product.
  (func (export "blendBytes")
    (param $mixed i32) (param $planeBytes i32) (param $taps i32) (param $rows i32)
    (param $into i32) (param $intoBytes i32) (param $intoPlaneBytes i32)
    (local $above i32) (local $below i32) (local $a v128) (local $b v128) (local $to i32) (local $x i32) (local $plane i32)
    (loop $row
      (local.set $above (i32.add (local.get $mixed) (i32.load (local.get $taps))))
      (local.set $below (i32.add (local.get $mixed) (i32.load offset=4 (local.get $taps))))
      (local.set $a (v128.load32_splat offset=8 (local.get $taps)))
      (local.set $b (v128.load32_splat offset=12 (local.get $taps)))
      (local.set $to (local.get $into))
      (local.set $plane (i32.const 3))
      (loop $planes
        (local.set $x (i32.const 0))
        (loop $four
          (v128.store (i32.add (local.get $to) (local.get $x))
            (f32x4.div
              (f32x4.convert_i32x4_s
                (i32x4.shr_s
                  (i32x4.add
                    (i32x4.add
                      (i32x4.shr_s
                        (i32x4.dot_i16x8_s (local.get $a) (v128.load (i32.add (local.get $above) (local.get $x))))
                        (i32.const 16))
                      (i32x4.shr_s
                        (i32x4.dot_i16x8_s (local.get $b) (v128.load (i32.add (local.get $below) (local.get $x))))
                        (i32.const 16)))
                    (v128.const i32x4 2 2 2 2))
                  (i32.const 2)))
              (v128.const f32x4 255 255 255 255)))
          (local.set $x (i32.add (local.get $x) (i32.const 16)))
          (br_if $four (i32.lt_u (local.get $x) (local.get $planeBytes))))
        (local.set $above (i32.add (local.get $above) (local.get $planeBytes)))
        (local.set $below (i32.add (local.get $below) (local.get $planeBytes)))
        (local.set $to (i32.add (local.get $to) (local.get $intoPlaneBytes)))
        (local.set $plane (i32.sub (local.get $plane) (i32.const 1)))
        (br_if $planes (local.get $plane)))
      (local.set $into (i32.add (local.get $into) (local.get $intoBytes)))
      (local.set $taps (i32.add (local.get $taps) (i32.const 16)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; Floats: left·s + right·t, each step rounded to f32; four columns at a time. Of each the left and the right value lie side by side, so one
  ;; load brings both. An entry of $columns: where the four left values are, then s t s t of the first two and of the other two.
  (func (export "mixFloats")
    (param $from i32) (param $fromBytes i32) (param $rows i32) (param $columns i32) (param $rowBytes i32) (param $into i32)
    (local $column i32) (local $end i32) (local $first v128) (local $second v128)
    (loop $row
      (local.set $column (local.get $columns))
      (local.set $end (i32.add (local.get $into) (local.get $rowBytes)))
      (loop $four
        (local.set $first
          (f32x4.mul
            (v128.load64_lane 1 (i32.add (local.get $from) (i32.load offset=4 (local.get $column)))
              (v128.load64_zero (i32.add (local.get $from) (i32.load (local.get $column)))))
            (v128.load offset=16 (local.get $column))))
        (local.set $second
          (f32x4.mul
            (v128.load64_lane 1 (i32.add (local.get $from) (i32.load offset=12 (local.get $column)))
              (v128.load64_zero (i32.add (local.get $from) (i32.load offset=8 (local.get $column)))))
            (v128.load offset=32 (local.get $column))))
        (v128.store (local.get $into)
          (f32x4.add
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $first) (local.get $second))
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $first) (local.get $second))))
        (local.set $column (i32.add (local.get $column) (i32.const 48)))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (br_if $four (i32.lt_u (local.get $into) (local.get $end))))
      (local.set $from (i32.add (local.get $from) (local.get $fromBytes)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; As mixFloats, down the columns; the least and largest of what it writes join the range at $range (see rangeOf).
  (func (export "blendFloats")
    (param $mixed i32) (param $rowBytes i32) (param $taps i32) (param $rows i32)
    (param $into i32) (param $intoBytes i32) (param $range i32)
    (local $above i32) (local $below i32) (local $s v128) (local $t v128) (local $x i32)
    (local $low v128) (local $high v128) (local $value v128)
    (local.set $low (v128.load (local.get $range)))
    (local.set $high (v128.load offset=16 (local.get $range)))
    (loop $row
      (local.set $above (i32.add (local.get $mixed) (i32.load (local.get $taps))))
      (local.set $below (i32.add (local.get $mixed) (i32.load offset=4 (local.get $taps))))
      (local.set $s (v128.load32_splat offset=8 (local.get $taps)))
      (local.set $t (v128.load32_splat offset=12 (local.get $taps)))
      (local.set $x (i32.const 0))
      (loop $four
        (local.set $value
          (f32x4.add
            (f32x4.mul (local.get $s) (v128.load (i32.add (local.get $above) (local.get $x))))
            (f32x4.mul (local.get $t) (v128.load (i32.add (local.get $below) (local.get $x))))))
        (v128.store (i32.add (local.get $into) (local.get $x)) (local.get $value))
        (local.set $low (f32x4.pmin (local.get $low) (local.get $value)))
        (local.set $high (f32x4.pmax (local.get $high) (local.get $value)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $four (i32.lt_u (local.get $x) (local.get $rowBytes))))
      (local.set $into (i32.add (local.get $into) (local.get $intoBytes)))
      (local.set $taps (i32.add (local.get $taps) (i32.const 16)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows)))
    (v128.store (local.get $range) (local.get $low))
    (v128.store offset=16 (local.get $range) (local.get $high)))

  ;; The range at $range (four least, four largest values so far, f32) takes in the floats from $at to $end, whole vectors.
  ;; pmin(low, value) is value < low ? value : low, so NaN is passed over.
  (func (export "rangeOf") (param $at i32) (param $end i32) (param $range i32)
    (local $low v128) (local $high v128) (local $value v128)
    (local.set $low (v128.load (local.get $range)))
    (local.set $high (v128.load offset=16 (local.get $range)))
    (loop $four
      (local.set $value (v128.load (local.get $at)))
      (local.set $low (f32x4.pmin (local.get $low) (local.get $value)))
      (local.set $high (f32x4.pmax (local.get $high) (local.get $value)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end))))
    (v128.store (local.get $range) (local.get $low))
    (v128.store offset=16 (local.get $range) (local.get $high)))

  ;; In place: (value − low) / divisor / maximum, each step rounded to f32.
  (func (export "rescale") (param $at i32) (param $end i32) (param $low f32) (param $divisor f32) (param $maximum f32)
    (local $lows v128) (local $divisors v128) (local $maxima v128)
    (local.set $lows (f32x4.splat (local.get $low)))
    (local.set $divisors (f32x4.splat (local.get $divisor)))
    (local.set $maxima (f32x4.splat (local.get $maximum)))
    (loop $four
      (v128.store (local.get $at)
        (f32x4.div
          (f32x4.div (f32x4.sub (v128.load (local.get $at)) (local.get $lows)) (local.get $divisors))
          (local.get $maxima)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end)))))

  ;; Four sums in f64 at $sums take in the floats from $at to $end, whole vectors: each the positive ones of its lane.
  ;; pmax(0, value) is 0 < value ? value : 0, so NaN counts nothing.
  (func (export "addPositive") (param $at i32) (param $end i32) (param $sums i32)
    (local $first v128) (local $second v128) (local $value v128)
    (local.set $first (v128.load (local.get $sums)))
    (local.set $second (v128.load offset=16 (local.get $sums)))
    (loop $four
      (local.set $value (f32x4.pmax (v128.const f32x4 0 0 0 0) (v128.load (local.get $at))))
      (local.set $first (f64x2.add (local.get $first) (f64x2.promote_low_f32x4 (local.get $value))))
      (local.set $second
        (f64x2.add (local.get $second)
          (f64x2.promote_low_f32x4
            (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $value) (local.get $value)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end))))
    (v128.store (local.get $sums) (local.get $first))
    (v128.store offset=16 (local.get $sums) (local.get $second)))

  ;; 1 when the floats from $at to $end, whole vectors, are finite, else 0.
  (func (export "areFinite") (param $at i32) (param $end i32) (result i32)
    (local $finite v128)
    (local.set $finite (v128.const i32x4 -1 -1 -1 -1))
    (loop $four
      (local.set $finite
        (v128.and (local.get $finite)
          (f32x4.lt (f32x4.abs (v128.load (local.get $at))) (v128.const f32x4 inf inf inf inf))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end))))
    (i32x4.all_true (local.get $finite)))

  ;; Rows of f32, four at a time, each times its weight in f64: into += (a + b) + (c + d), in f64, two columns at a time. An odd row reads one
  ;; value and writes one sum beyond its end.
  (func (export "addRows")
    (param $row i32) (param $rowBytes i32) (param $weights i32) (param $fours i32) (param $into i32)
    (local $x i32) (local $to i32) (local $b i32) (local $c i32) (local $d i32)
    (local $weightA v128) (local $weightB v128) (local $weightC v128) (local $weightD v128)
    (loop $next
      (local.set $weightA (v128.load64_splat (local.get $weights)))
      (local.set $weightB (v128.load64_splat offset=8 (local.get $weights)))
      (local.set $weightC (v128.load64_splat offset=16 (local.get $weights)))
      (local.set $weightD (v128.load64_splat offset=24 (local.get $weights)))
      (local.set $b (i32.add (local.get $row) (local.get $rowBytes)))
      (local.set $c (i32.add (local.get $b) (local.get $rowBytes)))
      (local.set $d (i32.add (local.get $c) (local.get $rowBytes)))
      (local.set $to (local.get $into))
      (local.set $x (i32.const 0))
      (loop $two
        (v128.store (local.get $to)
          (f64x2.add (v128.load (local.get $to))
            (f64x2.add
              (f64x2.add
                (f64x2.mul (local.get $weightA)
                  (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $row) (local.get $x)))))
                (f64x2.mul (local.get $weightB)
                  (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $b) (local.get $x))))))
              (f64x2.add
                (f64x2.mul (local.get $weightC)
                  (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $c) (local.get $x)))))
                (f64x2.mul (local.get $weightD)
                  (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $d) (local.get $x)))))))))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $x (i32.add (local.get $x) (i32.const 8)))
        (br_if $two (i32.lt_u (local.get $x) (local.get $rowBytes))))
      (local.set $row (i32.add (local.get $d) (local.get $rowBytes)))
      (local.set $weights (i32.add (local.get $weights) (i32.const 32)))
      (local.set $fours (i32.sub (local.get $fours) (i32.const 1)))
      (br_if $next (local.get $fours)))))

;; The inner loops of resample-simd.ts, range.ts and weighted-sum.ts for WebAssembly SIMD, four values at a time.
;; `node scripts/build-kernels.mjs` assembles them into kernels.ts. memory.ts instantiates them.
;;
;; A resize has two steps, as in OpenCV. "mix" works along the rows: it resizes each needed source row to the width of the target.
;; "blend" works down the columns: it combines two mixed rows into one row of the target. The caller first writes tables of taps:
;;
;;   bytes, column    i32 offset of the left pixel in the row, i16 weight left, i16 weight right (the right pixel follows)
;;   bytes, row       i32 offset of the row above in the mixed rows, i32 offset of the row below, i32 weight above, i32 weight below
;;   floats, columns  four columns: 4 × i32 offset of the left value in the row, then 4 × (f32 weight left, f32 weight right)
;;   floats, row      i32 offset of the row above in the mixed rows, i32 offset of the row below, f32 weight above, f32 weight below
;;
;; All offsets and lengths are in bytes. Mixed rows are padded to whole vectors with the values of the last column, which do not change a range.
;; The last vector of a target row may be written up to 12 bytes beyond its end. The next row overwrites them, and the caller leaves 12 bytes free after
;; the last row.
(module
  (import "host" "memory" (memory 1))

  ;; RGB bytes → three planes of i32, row by row: (left·a + right·b) >> 4. The maximum is 255·2049 >> 4, so values have 15 bits.
  ;; For each pixel it reads the bytes r g b r' g' b' (and two bytes beyond them; 5 bytes after the last row), pairs them as [r r' g g' b b'], and
  ;; multiplies them by [a b a b a b].
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
  ;; 15 bits, so the dot product of their 16-bit halves equals their product.
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

  ;; Floats: left·s + right·t, four columns at a time. Each step is rounded to f32. The left and the right value of a column are adjacent, so one load
  ;; reads both. An entry of $columns: the offsets of the four left values, then s t s t of the first two columns and of the last two.
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

  ;; Like mixFloats, down the columns. Extends the range at $range by the minimum and maximum of the written values (see rangeOf).
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

  ;; Extends the range at $range (four minima and four maxima, f32) by the floats from $at to $end, in whole vectors.
  ;; pmin(low, value) is value < low ? value : low, so NaN is ignored.
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

  ;; Computes (value − low) / divisor / maximum in place. Each step is rounded to f32.
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

  ;; Adds the positive floats from $at to $end, in whole vectors, to four f64 sums at $sums, one sum per lane.
  ;; pmax(0, value) is 0 < value ? value : 0, so NaN counts as 0.
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

  ;; Returns 1 if all floats from $at to $end, in whole vectors, are finite. Otherwise 0.
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

  ;; Adds rows of f32, four at a time, each multiplied by its f64 weight: into += (a + b) + (c + d), in f64, two columns at a time. A row of odd length
  ;; reads one value and writes one sum beyond its end.
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

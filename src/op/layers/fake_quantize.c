// y = scale (q - zero), where q is x / scale + zero as an 8-bit number: rounded, halves to the even one, and cut to
// -128 ... 127.    dx = dy where nothing was cut, else 0.    torch.fake_quantize_per_tensor_affine
//
// Training with `quantize: int8` inserts it. The gradient is that of the cut alone, as if nothing were rounded
// (straight through), so that no difference can be compared with it. Jacob et al. 2018,
// https://arxiv.org/abs/1712.05877
#include "op/layers/bits.h"
#include "op/fake_quantize.h"

ALWAYS_INLINE lanes rounded(lanes x) {
#if CV_DOUBLE
    const real step = 6755399441055744.0; // 1.5 * 2^52
#else
    const real step = 12582912.0f; // as src/device/quantize.h
#endif
    return x + step - step;
}

// A NaN stays one, so that a broken net is noticed.
ALWAYS_INLINE lanes fake_quantize(const void *config, lanes x, mask *passes) {
    const cv_fake_quantize *c = config;
    const real scale = (real)c->scale, zero = (real)c->zero, low = -128 - zero, high = 127 - zero;
    const lanes least = lanes_of(low), most = lanes_of(high), far = lanes_of(1024);
    lanes q = x * (1 / scale);
    q = select_lanes(q < -far, -far, select_lanes(q > far, far, q));
    q = rounded(q);
    *passes = (q >= least) & (q <= most);
    return select_lanes(q < least, least, select_lanes(q > most, most, q)) * scale;
}

static void fake_quantize_forward(const cv_pass *p) {
    forward_with_bits(p, fake_quantize);
}

CV_OP(fake_quantize) = {
    .name = "fake_quantize",
    .help = "values rounded as 8-bit numbers are",
    .kind = CV_INSERTED,
    .schema = CV_OPTIONS(
        CV_OPTION("scale", CV_FLOAT, cv_fake_quantize, scale, "of a step", .fallback = 0.01, CV_RANGE(1e-35, 1e35)),
        CV_OPTION("zero", CV_INT, cv_fake_quantize, zero, "the number that stands for 0", CV_RANGE(-128, 127))),
    .config_size = sizeof(cv_fake_quantize),
    .in_place = true,
    .by_pixel = true,
    .by_channel = true,
    .saved = bits_saved,
    .forward = fake_quantize_forward,
    .backward = backward_by_bits,
    .torch = "torch.where(x.isnan(), x, torch.fake_quantize_per_tensor_affine(x, {scale}, {zero}, -128, 127))",
    .cases = CV_CASES({{1, 5, 1, 1}, "{scale: 0.0625}", 3}, {{2, 3, 1, 7}, "{scale: 0.0071, zero: -28}", 16},
                      {{3, 2, 3, 5}, "{scale: 0.0039, zero: 103}", 33}),
};

/* The parts between a decoder's matrix products, each as one pass there and one back, on a CPU.

   They compute what trainer/plain.py writes out. All numbers are float, all tensors contiguous, the
   last dimension fastest. A sum is taken in an order that the shape alone decides, so a step taken
   twice is the same to the last bit. trainer/fused_cpu.py compiles and calls this. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WIDE 8 /* numbers at once; the compiler splits them up to what the processor has */
typedef float pack __attribute__((vector_size(4 * WIDE)));
typedef int32_t ints __attribute__((vector_size(4 * WIDE)));

static inline pack all(float x) { return x - (pack){0}; }

/* Numbers i to i + WIDE of `count`; past the end there are zeros. */
static inline pack load(const float *x, long i, long count) {
    pack found = {0};
    if (count - i >= WIDE)
        memcpy(&found, x + i, sizeof found);
    else
        memcpy(&found, x + i, (count - i) * sizeof(float));
    return found;
}

static inline void store(float *x, long i, long count, pack kept) {
    if (count - i >= WIDE)
        memcpy(x + i, &kept, sizeof kept);
    else
        memcpy(x + i, &kept, (count - i) * sizeof(float));
}

static inline pack choose(ints mask, pack yes, pack no) {
    return (pack)(((ints)yes & mask) | ((ints)no & ~mask));
}

static inline float sum_of(pack x) {
    float sum = 0;
    for (int i = 0; i < WIDE; i++) sum += x[i];
    return sum;
}

/* exp(x) of x <= 0, within 2 units in the last place; 0 where that is below any normal number.
   Source: Cephes, expf.c, for the polynomial and the two parts of ln 2. */
static inline pack exp_of(pack x) {
    ints twos = __builtin_convertvector(x * 1.44269504f - 0.5f, ints); /* cut off towards 0 */
    pack count = __builtin_convertvector(twos, pack);
    pack r = x - count * 0.693359375f + count * 2.12194440e-4f;
    pack y = all(1.9875691500e-4f);
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = (y * (r * r) + (r + 1.0f)) * (pack)((twos + 127) << 23);
    return (pack)((ints)y & ~(x < -87.0f)); /* what is no number stays none */
}

/* The share of a standard normal below x, within 7e-7 of itself (from x = -3 down, of 5e-9), and
   its density times sqrt(2 pi).
   The share beyond |x| is the density times t P(t) with t = 1 / (1 + 0.4 |x| / sqrt 2), as in
   Abramowitz and Stegun, 7.1.26; P is fitted over |x| < 13, beyond which the density is 0. */
static inline pack normal_share(pack x, pack *density) {
    pack size = (pack)((ints)x & INT32_MAX);
    pack t = 1.0f / (1.0f + size * (0.4f * 0.707106781f));
    *density = exp_of(x * x * -0.5f);
    pack p = all(0.0203268745f);
    p = p * t - 0.06866801f;
    p = p * t + 0.0388557623f;
    p = p * t + 0.0476213245f;
    p = p * t + 0.0373335471f;
    p = p * t + 0.0977966015f;
    p = p * t + 0.100656185f;
    p = p * t + 0.113263167f;
    p = p * t + 0.1128145695f;
    pack beyond = *density * (t * p);
    return choose(x < 0.0f, beyond, 1.0f - beyond);
}

/* gelu(x) of `count` numbers to `out`, which may be x itself. */
void gelu(long count, const float *x, float *out) {
    for (long i = 0; i < count; i += WIDE) {
        pack density, value = load(x, i, count);
        store(out, i, count, value * normal_share(value, &density));
    }
}

/* gelu(x) to `out` once more, and `d_out` is turned into the gradient of x where it lies. */
void gelu_back(long count, const float *x, float *out, float *d_out) {
    for (long i = 0; i < count; i += WIDE) {
        pack density, value = load(x, i, count), given = load(d_out, i, count);
        pack share = normal_share(value, &density);
        store(out, i, count, value * share);
        store(d_out, i, count, given * (share + value * density * 0.398942280f));
    }
}

/* Rows of x (rows, width), with `delta` added where there is one: the sums to `total`, and each
   sum brought to root mean square 1, times the weight (width), to `normed`. */
void add_norm(long rows, long width, float epsilon, const float *x, const float *delta,
              const float *weight, float *total, float *normed) {
    for (long row = 0; row < rows; row++, x += width, total += width, normed += width) {
        pack squares = {0};
        for (long i = 0; i < width; i += WIDE) {
            pack value = load(x, i, width);
            if (delta) {
                value += load(delta, i, width);
                store(total, i, width, value);
            }
            squares += value * value;
        }
        float scale = 1.0f / sqrtf(sum_of(squares) / width + epsilon);
        const float *from = delta ? total : x;
        for (long i = 0; i < width; i++) normed[i] = from[i] * scale * weight[i];
        if (delta) delta += width;
    }
}

/* The gradient of what was added up, of its two uses; `d_total` may be missing. d_weight (width) is
   added to. */
void add_norm_back(long rows, long width, float epsilon, const float *total, const float *weight,
                   const float *d_total, const float *d_normed, float *d_x, float *d_weight) {
    for (long row = 0; row < rows; row++, total += width, d_normed += width, d_x += width) {
        pack squares = {0}, along = {0};
        for (long i = 0; i < width; i += WIDE) {
            pack value = load(total, i, width);
            squares += value * value;
            along += value * load(d_normed, i, width) * load(weight, i, width);
        }
        float scale = 1.0f / sqrtf(sum_of(squares) / width + epsilon);
        float common = sum_of(along) * scale * scale / width;
        for (long i = 0; i < width; i++) {
            d_weight[i] += d_normed[i] * total[i] * scale;
            float back = scale * (d_normed[i] * weight[i] - total[i] * common);
            d_x[i] = d_total ? d_total[i] + back : back;
        }
        if (d_total) d_total += width;
    }
}

/* Attention takes WIDE problems at once, a pack being the same number of each. `query` is (problems,
   wanted, heads, channels), of the last positions; `key_value` is (problems, length, 2, heads,
   channels); `cosines` and `sines` are (length, channels / 2). */
typedef struct {
    long problems, length, wanted, heads, channels;
    const float *query, *key_value, *cosines, *sines;
} Attention;

/* Some channels of `count` problems, which lie `apart`, side by side; the last stands for those
   that are not there. */
static void gather(pack *to, const float *from, long channels, long apart, long count) {
    for (long b = 0; b < WIDE; b++) {
        const float *problem = from + (b < count ? b : count - 1) * apart;
        for (long c = 0; c < channels; c += 16) __builtin_prefetch(problem + WIDE * apart + c);
        for (long c = 0; c < channels; c++) ((float *)to)[c * WIDE + b] = problem[c];
    }
}

static void scatter(float *to, const pack *from, long channels, long apart, long count) {
    for (long b = 0; b < count; b++) {
        float *problem = to + b * apart;
        for (long c = 0; c < channels; c += 16) __builtin_prefetch(problem + WIDE * apart + c, 1);
        for (long c = 0; c < channels; c++) problem[c] = ((const float *)from)[c * WIDE + b];
    }
}

/* Turn the pairs (c, c + channels / 2) by a position's angles; `way` -1 turns them back. */
static void turn(pack *x, const float *cosines, const float *sines, long channels, float way) {
    long half = channels / 2;
    for (long c = 0; c < half; c++) {
        pack first = x[c], second = x[c + half];
        float sine = way * sines[c];
        x[c] = first * cosines[c] - second * sine;
        x[c + half] = second * cosines[c] + first * sine;
    }
}

/* The queries, keys and values of one head of some problems: (wanted or length, channels) each. */
static void take(const Attention *a, long problem, long count, long head, pack *q, pack *k, pack *v) {
    long n = a->channels, width = a->heads * n, skipped = a->length - a->wanted;
    const float *query = a->query + problem * a->wanted * width + head * n;
    const float *key = a->key_value + problem * a->length * 2 * width + head * n;
    for (long at = 0; at < a->wanted; at++) {
        long angle = (skipped + at) * (n / 2);
        gather(q + at * n, query + at * width, n, a->wanted * width, count);
        turn(q + at * n, a->cosines + angle, a->sines + angle, n, 1);
    }
    for (long at = 0; at < a->length; at++) {
        long angle = at * (n / 2), apart = a->length * 2 * width;
        gather(k + at * n, key + at * 2 * width, n, apart, count);
        turn(k + at * n, a->cosines + angle, a->sines + angle, n, 1);
        gather(v + at * n, key + at * 2 * width + width, n, apart, count);
    }
}

static inline pack product(const pack *x, const pack *y, long channels) {
    pack one = {0}, other = {0}; /* two sums, as one would wait for itself; channels are even */
    for (long c = 0; c < channels; c += 2) {
        one += x[c] * y[c];
        other += x[c + 1] * y[c + 1];
    }
    return one + other;
}

/* How much a query takes from each of the `seen` first keys, to `shares`. */
static void weigh(const pack *q, const pack *k, long seen, long channels, pack *shares) {
    float scale = 1.0f / sqrtf(channels);
    pack most = all(-FLT_MAX), whole = {0};
    for (long j = 0; j < seen; j++) {
        shares[j] = product(q, k + j * channels, channels) * scale;
        most = choose(shares[j] > most, shares[j], most);
    }
    for (long j = 0; j < seen; j++) whole += shares[j] = exp_of(shares[j] - most);
    for (long j = 0; j < seen; j++) shares[j] /= whole;
}

/* To `to` (channels), rows `first` to `last` of `from` (rows, channels), each times its share, which
   lie `apart`. Two channels at once, as the pairs of RoPE make them even. */
static void mix(pack *to, const pack *shares, long apart, const pack *from, long channels,
                long first, long last) {
    for (long c = 0; c < channels; c += 2) {
        pack one = {0}, other = {0};
        for (long i = first; i < last; i++) {
            pack share = shares[i * apart];
            one += share * from[i * channels + c];
            other += share * from[i * channels + c + 1];
        }
        to[c] = one;
        to[c + 1] = other;
    }
}

/* Room for so many packs, aligned as one; NULL where there is none. */
static pack *room(long packs) { return aligned_alloc(sizeof(pack), packs * sizeof(pack)); }

/* To `mixed` (problems, wanted, heads, channels), the values that each query may see, weighed.
   Returns 0, or 1 where memory ran out. */
int attend(const Attention *a, float *mixed) {
    long n = a->channels, width = a->heads * n, skipped = a->length - a->wanted;
    pack *q = room((a->wanted + 2 * a->length + 1) * n + a->length);
    if (!q) return 1;
    pack *k = q + a->wanted * n, *v = k + a->length * n, *out = v + a->length * n, *p = out + n;
    for (long problem = 0; problem < a->problems; problem += WIDE) {
        long left = a->problems - problem, count = left < WIDE ? left : WIDE;
        for (long head = 0; head < a->heads; head++) {
            take(a, problem, count, head, q, k, v);
            float *to = mixed + problem * a->wanted * width + head * n;
            for (long i = 0; i < a->wanted; i++) {
                weigh(q + i * n, k, skipped + i + 1, n, p);
                mix(out, p, 1, v, n, 0, skipped + i + 1);
                scatter(to + i * width, out, n, a->wanted * width, count);
            }
        }
    }
    free(q);
    return 0;
}

/* The gradients of `query` and `key_value`, from that of `mixed`. Returns as attend. */
int attend_back(const Attention *a, const float *d_mixed, float *d_query, float *d_key_value) {
    long n = a->channels, width = a->heads * n, length = a->length, skipped = length - a->wanted;
    float scale = 1.0f / sqrtf(n);
    pack *q = room((2 * a->wanted + 2 * length + 1) * n + 2 * a->wanted * length);
    if (!q) return 1;
    pack *given = q + a->wanted * n, *k = given + a->wanted * n, *v = k + length * n;
    pack *back = v + length * n, *shares = back + n, *d_scores = shares + a->wanted * length;
    for (long problem = 0; problem < a->problems; problem += WIDE) {
        long left = a->problems - problem, count = left < WIDE ? left : WIDE;
        for (long head = 0; head < a->heads; head++) {
            take(a, problem, count, head, q, k, v);
            long own = problem * a->wanted * width + head * n;
            for (long i = 0; i < a->wanted; i++) {
                long seen = skipped + i + 1, angle = (skipped + i) * (n / 2);
                pack *g = given + i * n, *p = shares + i * length, *d = d_scores + i * length;
                pack common = {0};
                gather(g, d_mixed + own + i * width, n, a->wanted * width, count);
                weigh(q + i * n, k, seen, n, p);
                for (long j = 0; j < seen; j++) {
                    d[j] = product(g, v + j * n, n);
                    common += p[j] * d[j];
                }
                for (long j = 0; j < seen; j++) d[j] = scale * p[j] * (d[j] - common);
                mix(back, d, 1, k, n, 0, seen);
                turn(back, a->cosines + angle, a->sines + angle, n, -1);
                scatter(d_query + own + i * width, back, n, a->wanted * width, count);
            }
            float *to = d_key_value + problem * length * 2 * width + head * n;
            for (long j = 0; j < length; j++, to += 2 * width) {
                long first = j > skipped ? j - skipped : 0; /* the first query that sees this key */
                long angle = j * (n / 2), apart = length * 2 * width;
                mix(back, d_scores + j, length, q, n, first, a->wanted);
                turn(back, a->cosines + angle, a->sines + angle, n, -1);
                scatter(to, back, n, apart, count);
                mix(back, shares + j, length, given, n, first, a->wanted);
                scatter(to + width, back, n, apart, count);
            }
        }
    }
    free(q);
    return 0;
}

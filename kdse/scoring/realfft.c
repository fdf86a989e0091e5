/* RealFFT and RealIFFT, the two transforms inside the package pesq, which spends two thirds of its time in them.
 *
 * pesq computes a real transform of N samples as a complex one of N by textbook radix-2 passes. Here it is a complex one of N/2
 * by radix-4 passes that leave their output in order (Stockham), with twiddle factors kept between calls. Loaded before pesq and with
 * global symbols, the two are found first by the dynamic linker; without this library pesq uses its own, with the same values but
 * for the last bits of float32. Not thread-safe, like pesq.
 */
#include <math.h>
#include <stdlib.h>

#define LARGEST 40
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_THIS_MACHINE __attribute__((target_clones("avx512f", "avx2", "default"))) /* chosen when the library is loaded */
#else
#define FOR_THIS_MACHINE
#endif

typedef struct {
    float *c1, *s1, *c2, *s2, *c3, *s3; /* cos and -sin of 2 pi j p / n, j = 1, 2, 3, for p < n / 4; c1 and s1 for p < n / 2 */
} Table;

static Table tables[LARGEST];
static float *work; /* two buffers of real and imaginary parts, ROW(room) floats each */
static unsigned long room;
/* Distance of the parts: not a power of two, or all of them would fall into the same lines of the cache. */
#define ROW(m) ((m) + 144)

static const Table *twiddles(unsigned long n) {
    int bits = 0;
    while ((1UL << bits) < n) bits++;
    Table *t = &tables[bits];
    if (!t->c1) {
        const unsigned long half = n / 2 + 1;
        float *all = malloc(6 * half * sizeof(float));
        if (!all) abort();
        float **of[6] = {&t->c1, &t->s1, &t->c2, &t->s2, &t->c3, &t->s3};
        for (int j = 0; j < 6; j++) {
            *of[j] = all + j * half;
            for (unsigned long p = 0; p < half; p++) {
                const double angle = 2 * M_PI * (j / 2 + 1) * p / n;
                (*of[j])[p] = (float)(j % 2 ? -sin(angle) : cos(angle));
            }
        }
    }
    return t;
}

static void reserve(unsigned long m) {
    if (m <= room) return;
    free(work);
    work = malloc(4 * ROW(m) * sizeof(float));
    if (!work) abort();
    room = m;
}

/* One radix-4 butterfly of point p, column q. */
#define BUTTERFLY(p, q)                                                                                              \
    const float er = r0[q] + r2[q], ei = i0[q] + i2[q], fr = r0[q] - r2[q], fi = i0[q] - i2[q];                      \
    const float gr = r1[q] + r3[q], gi = i1[q] + i3[q], hr = r1[q] - r3[q], hi = i1[q] - i3[q];                      \
    const float ur = fr + hi, ui = fi - hr, vr = er - gr, vi = ei - gi, wr = fr - hi, wi = fi + hr;

/* The first pass: neighbours in p stand side by side. */
FOR_THIS_MACHINE
static void first4(unsigned long n, const Table *t, const float *restrict r0, const float *restrict i0, float *restrict yr,
                   float *restrict yi) {
    const unsigned long quarter = n / 4;
    const float *r1 = r0 + quarter, *r2 = r1 + quarter, *r3 = r2 + quarter;
    const float *i1 = i0 + quarter, *i2 = i1 + quarter, *i3 = i2 + quarter;
    const float *restrict c1 = t->c1, *restrict s1 = t->s1, *restrict c2 = t->c2, *restrict s2 = t->s2;
    const float *restrict c3 = t->c3, *restrict s3 = t->s3;
    for (unsigned long p = 0; p < quarter; p++) {
        BUTTERFLY(p, p)
        yr[4 * p] = er + gr;
        yi[4 * p] = ei + gi;
        yr[4 * p + 1] = c1[p] * ur - s1[p] * ui;
        yi[4 * p + 1] = c1[p] * ui + s1[p] * ur;
        yr[4 * p + 2] = c2[p] * vr - s2[p] * vi;
        yi[4 * p + 2] = c2[p] * vi + s2[p] * vr;
        yr[4 * p + 3] = c3[p] * wr - s3[p] * wi;
        yi[4 * p + 3] = c3[p] * wi + s3[p] * wr;
    }
}

/* A later pass over n points, s of them side by side. */
FOR_THIS_MACHINE
static void pass4(unsigned long n, unsigned long s, const Table *t, const float *restrict ar, const float *restrict ai,
                  float *restrict br, float *restrict bi) {
    const unsigned long quarter = n / 4;
    for (unsigned long p = 0; p < quarter; p++) {
        const float c1 = t->c1[p], s1 = t->s1[p], c2 = t->c2[p], s2 = t->s2[p], c3 = t->c3[p], s3 = t->s3[p];
        const float *r0 = ar + s * p, *r1 = r0 + s * quarter, *r2 = r1 + s * quarter, *r3 = r2 + s * quarter;
        const float *i0 = ai + s * p, *i1 = i0 + s * quarter, *i2 = i1 + s * quarter, *i3 = i2 + s * quarter;
        float *restrict yr = br + 4 * s * p, *restrict yi = bi + 4 * s * p;
        for (unsigned long q = 0; q < s; q++) {
            BUTTERFLY(p, q)
            yr[q] = er + gr;
            yi[q] = ei + gi;
            yr[q + s] = c1 * ur - s1 * ui;
            yi[q + s] = c1 * ui + s1 * ur;
            yr[q + 2 * s] = c2 * vr - s2 * vi;
            yi[q + 2 * s] = c2 * vi + s2 * vr;
            yr[q + 3 * s] = c3 * wr - s3 * wi;
            yi[q + 3 * s] = c3 * wi + s3 * wr;
        }
    }
}

/* Forward complex transform of m points at work; returns where the real parts are, the imaginary ones ROW(m) behind them. */
static float *transform(unsigned long m) {
    const unsigned long row = ROW(m);
    float *from = work, *to = work + 2 * row;
    unsigned long n = m, s = 1;
    for (; n >= 4; n /= 4, s *= 4) {
        if (s == 1)
            first4(n, twiddles(n), from, from + row, to, to + row);
        else
            pass4(n, s, twiddles(n), from, from + row, to, to + row);
        float *swap = from;
        from = to;
        to = swap;
    }
    if (n == 2) {
        for (unsigned long q = 0; q < s; q++) {
            for (int part = 0; part < 2; part++) {
                const float a = from[part * row + q], b = from[part * row + q + s];
                to[part * row + q] = a + b;
                to[part * row + q + s] = a - b;
            }
        }
        from = to;
    }
    return from;
}

/* Between the transform (re, im) of m pairs of neighbours and that of their 2m samples, both ways but for signs. */
FOR_THIS_MACHINE
static void split(unsigned long m, const Table *t, const float *restrict re, const float *restrict im, float *restrict x) {
    const float *restrict c = t->c1, *restrict s = t->s1;
    for (unsigned long k = 1; k < m; k++) {
        const float er = re[k] + re[m - k], ei = im[k] - im[m - k], dr = re[k] - re[m - k], di = im[k] + im[m - k];
        x[2 * k] = 0.5f * (er + c[k] * di + s[k] * dr);
        x[2 * k + 1] = 0.5f * (ei - c[k] * dr + s[k] * di);
    }
}

FOR_THIS_MACHINE
static void join(unsigned long m, const Table *t, const float *restrict x, float *restrict re, float *restrict im) {
    const float *restrict c = t->c1, *restrict s = t->s1;
    for (unsigned long k = 1; k < m; k++) { /* conjugated, so that the forward transform inverts */
        const float xr = x[2 * k], xi = x[2 * k + 1], yr = x[2 * (m - k)], yi = x[2 * (m - k) + 1];
        const float er = xr + yr, ei = xi - yi, dr = xr - yr, di = xi + yi;
        re[k] = 0.5f * (er + s[k] * dr - c[k] * di);
        im[k] = -0.5f * (ei + c[k] * dr + s[k] * di);
    }
}

/* x: N real samples (N a power of two), replaced by N/2 + 1 pairs (re, im) of sum x[i] exp(-2 pi j i k / N). */
void RealFFT(float *x, unsigned long N) {
    if (N < 4) {
        const float a = x[0], b = N > 1 ? x[1] : 0;
        x[0] = a + b, x[1] = 0;
        if (N == 2) x[2] = a - b, x[3] = 0;
        return;
    }
    const unsigned long m = N / 2;
    reserve(m);
    for (unsigned long k = 0; k < m; k++) work[k] = x[2 * k], work[ROW(m) + k] = x[2 * k + 1];
    const float *re = transform(m), *im = re + ROW(m);
    x[0] = re[0] + im[0], x[1] = 0;
    x[N] = re[0] - im[0], x[N + 1] = 0;
    split(m, twiddles(N), re, im, x);
}

/* The inverse of RealFFT: N/2 + 1 pairs become N samples. */
void RealIFFT(float *x, unsigned long N) {
    if (N < 4) {
        const float a = x[0], b = x[2];
        if (N == 2) x[0] = 0.5f * (a + b), x[1] = 0.5f * (a - b);
        return;
    }
    const unsigned long m = N / 2;
    reserve(m);
    work[0] = 0.5f * (x[0] + x[N]);
    work[ROW(m)] = -0.5f * (x[0] - x[N]);
    join(m, twiddles(N), x, work, work + ROW(m));
    const float *re = transform(m), *im = re + ROW(m);
    const float scale = 1.0f / m;
    for (unsigned long k = 0; k < m; k++) x[2 * k] = scale * re[k], x[2 * k + 1] = -scale * im[k];
}

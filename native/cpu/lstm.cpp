// LSTM over a sequence (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), gates in the order
// i, f, g, o: c' = f c + i g, h' = o tanh(c'). The input's part of the gates comes in ready made.
#include "cpu/recurrent.h"

namespace ik {
namespace {

constexpr int64_t kGates = 4;

template <class T>
int32_t forward(const ik_runtime* rt, const Sequence& z, const T* x, const T* weight, const T* h0, const T* c0, T* y, T* c, T* gates) {
  using E = typename Multiply<T>::E;
  using V = compute<T>;
  constexpr int64_t U = kCols<E>;
  const int64_t H = z.hidden, blocks = ceil_div(H, U);
  if (z.steps * z.state() == 0) return IK_OK;
  T* const w = static_cast<T*>(rt->scratch(rt, blocks * kGates * H * U * sizeof(T)));
  T* const packed = static_cast<T*>(rt->scratch(rt, 2 * State<E>::units(z.batch, H) * sizeof(T)));
  if (!w || !packed) return IK_OOM;
  pack_by_gate(rt, weight, kGates, H, w);
  const State<E> states[2] = {{packed, H}, {packed + State<E>::units(z.batch, H), H}};
  states[0].put_all(h0, z.batch);

  for (int64_t s = 0; s < z.steps; ++s) {
    const int64_t t = z.at(s);
    const State<E>&now = states[s % 2], &next = states[(s + 1) % 2];
    const T* const before = s == 0 ? c0 : c + z.at(s - 1) * z.state();
    for_blocks(rt, blocks, static_cast<double>(z.batch) * kGates * H * H, [&](int64_t block, int32_t) {
      const int64_t u0 = block * U, n = std::min(U, H - u0);
      for (int64_t r0 = 0; r0 < z.batch; r0 += kRows) {
        const int64_t m = std::min<int64_t>(kRows, z.batch - r0);
        alignas(64) T sums[kGates][kRows * U];
        for (int64_t g = 0; g < kGates; ++g) {
          prefetch_rows<false>(x + (t * z.batch + r0) * kGates * H + g * H + u0, m, kGates * H, n);
          prefetch_rows<true>(gates + (t * z.batch + r0) * kGates * H + g * H + u0, m, kGates * H, n);
          product<E>(m, now.panel(r0), w + (block * kGates + g) * H * U, H, sums[g], static_cast<const T*>(nullptr), 0);
        }
        for (int64_t r = 0; r < m; ++r) {
          const int64_t row = r0 + r, at = row * H + u0;
          const T* const from = x + (t * z.batch + row) * kGates * H + u0;
          T* const to = gates + (t * z.batch + row) * kGates * H + u0;
          for_vectors<T>(n, [&](int64_t u, auto get, auto put) {
            const V i = sigmoid(load(sums[0] + r * U + u) + get(from + u));
            const V f = sigmoid(load(sums[1] + r * U + u) + get(from + H + u));
            const V g = tanh(load(sums[2] + r * U + u) + get(from + 2 * H + u));
            const V o = sigmoid(load(sums[3] + r * U + u) + get(from + 3 * H + u));
            const V cell = f * get(before + at + u) + i * g;
            put(to + u, i);
            put(to + H + u, f);
            put(to + 2 * H + u, g);
            put(to + 3 * H + u, o);
            put(c + t * z.state() + at + u, cell);
            put(y + t * z.state() + at + u, o * tanh(cell));
          });
        }
        if (s + 1 < z.steps) next.put(y + t * z.state() + r0 * H + u0, H, r0, m, u0, n);
      }
    });
  }
  return IK_OK;
}

// Steps in the opposite order. With dh the gradient of h_t from y and from step t + 1, and dc that of c_t:
// do = dh tanh(c), dc += dh o (1 - tanh(c)^2), di = dc g, df = dc c_before, dg = dc i, each times its gate's slope.
template <class T>
int32_t backward(const ik_runtime* rt, const Sequence& z, const T* weight, const T* c0, const T* c, const T* gates, const T* dy, const T* dc_out,
                 T* dx, T* dh0, T* dc0) {
  using E = typename Multiply<T>::E;
  using V = compute<T>;
  constexpr int64_t U = kCols<E>;
  const int64_t H = z.hidden, K = kGates * H, blocks = ceil_div(H, U);
  if (z.state() == 0) return IK_OK;
  std::fill_n(dc0, z.state(), T{0});
  std::fill_n(dh0, z.state(), T{0});
  if (z.steps == 0) return IK_OK;
  T* const w = static_cast<T*>(rt->scratch(rt, blocks * K * U * sizeof(T)));
  T* const packed = static_cast<T*>(rt->scratch(rt, 2 * State<E>::units(z.batch, K) * sizeof(T)));
  if (!w || !packed) return IK_OOM;
  pack_by_unit(rt, weight, kGates, H, w);
  const State<E> states[2] = {{packed, K}, {packed + State<E>::units(z.batch, K), K}};

  for (int64_t s = z.steps - 1; s >= -1; --s) {
    // s = -1 only multiplies: the gradient of h0.
    const int64_t t = s < 0 ? 0 : z.at(s);
    const State<E>&now = states[(s + 2) % 2], &next = states[(s + 1) % 2];
    const T* const before = s == 0 ? c0 : s > 0 ? c + z.at(s - 1) * z.state() : nullptr;
    for_blocks(rt, blocks, static_cast<double>(z.batch) * K * H, [&](int64_t block, int32_t) {
      const int64_t u0 = block * U, n = std::min(U, H - u0);
      for (int64_t r0 = 0; r0 < z.batch; r0 += kRows) {
        const int64_t m = std::min<int64_t>(kRows, z.batch - r0);
        alignas(64) T sums[kRows * U] = {};
        if (s >= 0) {
          const int64_t row = t * z.batch + r0;
          for (int64_t g = 0; g < kGates; ++g) {
            prefetch_rows<false>(gates + row * K + g * H + u0, m, K, n);
            prefetch_rows<true>(dx + row * K + g * H + u0, m, K, n);
          }
          prefetch_rows<false>(c + row * H + u0, m, H, n);
          prefetch_rows<false>(dy + row * H + u0, m, H, n);
        }
        if (s + 1 < z.steps) product<E>(m, next.panel(r0), w + block * K * U, K, sums, static_cast<const T*>(nullptr), 0);
        for (int64_t r = 0; r < m; ++r) {
          const int64_t at = (r0 + r) * H + u0;
          if (s < 0) {
            std::copy_n(sums + r * U, n, dh0 + at);
            continue;
          }
          const T* const gate = gates + (t * z.batch + r0 + r) * K + u0;
          T* const to = dx + (t * z.batch + r0 + r) * K + u0;
          const int64_t here = t * z.state() + at;
          for_vectors<T>(n, [&](int64_t u, auto get, auto put) {
            const V one = constant<V>(1);
            const V i = get(gate + u), f = get(gate + H + u), g = get(gate + 2 * H + u), o = get(gate + 3 * H + u);
            const V dh = load(sums + r * U + u) + get(dy + here + u), bent = tanh(get(c + here + u));
            V dc = get(dc0 + at + u) + dh * o * (one - bent * bent);
            if (dc_out) dc += get(dc_out + here + u);
            put(to + u, dc * g * i * (one - i));
            put(to + H + u, dc * get(before + at + u) * f * (one - f));
            put(to + 2 * H + u, dc * i * (one - g * g));
            put(to + 3 * H + u, dh * bent * o * (one - o));
            put(dc0 + at + u, dc * f);
          });
        }
        if (s >= 0)
          for (int64_t g = 0; g < kGates; ++g) now.put(dx + (t * z.batch + r0) * K + g * H + u0, K, r0, m, g * H + u0, n);
      }
    });
  }
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_lstm(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const Sequence z(out[0], static_cast<const ik_attrs_lstm*>(attrs)->reverse);
  return for_recurrent_dtype(in[0].dtype, [&]<class T>(T) {
    const auto read = [&](int k) { return static_cast<const T*>(in[k].data); };
    return forward<T>(rt, z, read(0), read(1), read(2), read(3), static_cast<T*>(out[0].data), static_cast<T*>(out[1].data),
                      static_cast<T*>(out[2].data));
  });
}

int32_t ik_cpu_lstm_grad(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const Sequence z(in[2], static_cast<const ik_attrs_lstm_grad*>(attrs)->reverse);
  return for_recurrent_dtype(in[0].dtype, [&]<class T>(T) {
    const auto read = [&](int k) { return static_cast<const T*>(in[k].data); };
    return backward<T>(rt, z, read(0), read(1), read(2), read(3), read(4), n_in > 5 ? read(5) : nullptr, static_cast<T*>(out[0].data),
                       static_cast<T*>(out[1].data), static_cast<T*>(out[2].data));
  });
}

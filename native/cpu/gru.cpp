// GRU over a sequence (Cho et al. 2014, in the form of cuDNN and PyTorch), gates in the order r, z, n:
// n = tanh(x_n + r q) with q = W_hn h + b_hn, h' = (1 - z) n + z h. The input's part of the gates comes in ready made.
#include "cpu/recurrent.h"

namespace ik {
namespace {

constexpr int64_t kGates = 3;  // of the weights
constexpr int64_t kSaved = 4;  // r, z, n and q

template <class T>
int32_t forward(const ik_runtime* rt, const Sequence& z, const T* x, const T* weight, const T* bias, const T* h0, T* y, T* gates) {
  using E = typename Multiply<T>::E;
  using V = compute<T>;
  constexpr int64_t U = kCols<E>;
  const int64_t H = z.hidden, blocks = ceil_div(H, U);
  if (z.steps * z.state() == 0) return IK_OK;
  T* const w = static_cast<T*>(rt->scratch(rt, blocks * kGates * H * U * sizeof(T)));
  T* const packed = static_cast<T*>(rt->scratch(rt, 2 * State<E>::units(z.batch, H) * sizeof(T)));
  T* const shift = static_cast<T*>(rt->scratch(rt, blocks * kGates * U * sizeof(T)));
  if (!w || !packed || !shift) return IK_OOM;
  std::fill_n(shift, blocks * kGates * U, T{0});
  pack_by_gate(rt, weight, kGates, H, w);
  for (int64_t panel = 0; panel < blocks * kGates; ++panel) {
    const int64_t u0 = panel / kGates * U;
    std::copy_n(bias + panel % kGates * H + u0, std::min(U, H - u0), shift + panel * U);
  }
  const State<E> states[2] = {{packed, H}, {packed + State<E>::units(z.batch, H), H}};
  states[0].put_all(h0, z.batch);

  for (int64_t s = 0; s < z.steps; ++s) {
    const int64_t t = z.at(s);
    const State<E>&now = states[s % 2], &next = states[(s + 1) % 2];
    const T* const before = s == 0 ? h0 : y + z.at(s - 1) * z.state();
    for_blocks(rt, blocks, static_cast<double>(z.batch) * kGates * H * H, [&](int64_t block, int32_t) {
      const int64_t u0 = block * U, n = std::min(U, H - u0);
      for (int64_t r0 = 0; r0 < z.batch; r0 += kRows) {
        const int64_t m = std::min<int64_t>(kRows, z.batch - r0);
        alignas(64) T sums[kGates][kRows * U];
        for (int64_t g = 0; g < kGates; ++g) {
          prefetch_rows<false>(x + (t * z.batch + r0) * kGates * H + g * H + u0, m, kGates * H, n);
          prefetch_rows<true>(gates + (t * z.batch + r0) * kSaved * H + g * H + u0, m, kSaved * H, n);
          product<E>(m, now.panel(r0), w + (block * kGates + g) * H * U, H, sums[g], shift + (block * kGates + g) * U, 0);
        }
        for (int64_t r = 0; r < m; ++r) {
          const int64_t row = r0 + r, at = row * H + u0;
          const T* const from = x + (t * z.batch + row) * kGates * H + u0;
          T* const to = gates + (t * z.batch + row) * kSaved * H + u0;
          for_vectors<T>(n, [&](int64_t u, auto get, auto put) {
            const V reset = sigmoid(load(sums[0] + r * U + u) + get(from + u));
            const V update = sigmoid(load(sums[1] + r * U + u) + get(from + H + u));
            const V q = load(sums[2] + r * U + u);
            const V fresh = tanh(get(from + 2 * H + u) + reset * q);
            put(to + u, reset);
            put(to + H + u, update);
            put(to + 2 * H + u, fresh);
            put(to + 3 * H + u, q);
            put(y + t * z.state() + at + u, (constant<V>(1) - update) * fresh + update * get(before + at + u));
          });
        }
        if (s + 1 < z.steps) next.put(y + t * z.state() + r0 * H + u0, H, r0, m, u0, n);
      }
    });
  }
  return IK_OK;
}

// dn = dh (1 - z) (1 - n^2), dz = dh (h - n) z (1 - z), dr = dn q r (1 - r), dq = dn r; h gets dh z + [dr, dz, dq] W.
template <class T>
int32_t backward(const ik_runtime* rt, const Sequence& z, const T* weight, const T* h0, const T* y, const T* gates, const T* dy, T* dx, T* dq,
                 T* dh0) {
  using E = typename Multiply<T>::E;
  using V = compute<T>;
  constexpr int64_t U = kCols<E>;
  const int64_t H = z.hidden, K = kGates * H, blocks = ceil_div(H, U);
  if (z.state() == 0) return IK_OK;
  // Carries dh z from step to step.
  std::fill_n(dh0, z.state(), T{0});
  if (z.steps == 0) return IK_OK;
  T* const w = static_cast<T*>(rt->scratch(rt, blocks * K * U * sizeof(T)));
  T* const packed = static_cast<T*>(rt->scratch(rt, 2 * State<E>::units(z.batch, K) * sizeof(T)));
  if (!w || !packed) return IK_OOM;
  pack_by_unit(rt, weight, kGates, H, w);
  const State<E> states[2] = {{packed, K}, {packed + State<E>::units(z.batch, K), K}};

  for (int64_t s = z.steps - 1; s >= -1; --s) {
    const int64_t t = s < 0 ? 0 : z.at(s);
    const State<E>&now = states[(s + 2) % 2], &next = states[(s + 1) % 2];
    const T* const before = s == 0 ? h0 : s > 0 ? y + z.at(s - 1) * z.state() : nullptr;
    for_blocks(rt, blocks, static_cast<double>(z.batch) * K * H, [&](int64_t block, int32_t) {
      const int64_t u0 = block * U, n = std::min(U, H - u0);
      for (int64_t r0 = 0; r0 < z.batch; r0 += kRows) {
        const int64_t m = std::min<int64_t>(kRows, z.batch - r0);
        alignas(64) T sums[kRows * U] = {};
        if (s + 1 < z.steps) product<E>(m, next.panel(r0), w + block * K * U, K, sums, static_cast<const T*>(nullptr), 0);
        for (int64_t r = 0; r < m; ++r) {
          const int64_t row = t * z.batch + r0 + r, at = (r0 + r) * H + u0;
          const T* const gate = gates + row * kSaved * H + u0;
          for_vectors<T>(n, [&](int64_t u, auto get, auto put) {
            V dh = load(sums + r * U + u) + get(dh0 + at + u);
            if (s < 0) return put(dh0 + at + u, dh);
            dh += get(dy + row * H + u0 + u);
            const V one = constant<V>(1);
            const V reset = get(gate + u), update = get(gate + H + u), fresh = get(gate + 2 * H + u);
            const V dn = dh * (one - update) * (one - fresh * fresh);
            const V dz = dh * (get(before + at + u) - fresh) * update * (one - update);
            const V dr = dn * get(gate + 3 * H + u) * reset * (one - reset);
            put(dx + row * K + u0 + u, dr);
            put(dx + row * K + u0 + H + u, dz);
            put(dx + row * K + u0 + 2 * H + u, dn);
            put(dq + row * K + u0 + u, dr);
            put(dq + row * K + u0 + H + u, dz);
            put(dq + row * K + u0 + 2 * H + u, dn * reset);
            put(dh0 + at + u, dh * update);
          });
        }
        if (s >= 0)
          for (int64_t g = 0; g < kGates; ++g) now.put(dq + (t * z.batch + r0) * K + g * H + u0, K, r0, m, g * H + u0, n);
      }
    });
  }
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_gru(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const Sequence z(out[0], static_cast<const ik_attrs_gru*>(attrs)->reverse);
  return for_recurrent_dtype(in[0].dtype, [&]<class T>(T) {
    const auto read = [&](int k) { return static_cast<const T*>(in[k].data); };
    return forward<T>(rt, z, read(0), read(1), read(2), read(3), static_cast<T*>(out[0].data), static_cast<T*>(out[1].data));
  });
}

int32_t ik_cpu_gru_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const Sequence z(in[2], static_cast<const ik_attrs_gru_grad*>(attrs)->reverse);
  return for_recurrent_dtype(in[0].dtype, [&]<class T>(T) {
    const auto read = [&](int k) { return static_cast<const T*>(in[k].data); };
    return backward<T>(rt, z, read(0), read(1), read(2), read(3), read(4), static_cast<T*>(out[0].data), static_cast<T*>(out[1].data),
                       static_cast<T*>(out[2].data));
  });
}

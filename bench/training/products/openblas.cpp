// Matrix products of float32 tensors by OpenBLAS, as CPU kernels of the operators that
// bench/training/products/openblas.py defines. Against torch's stable interface, so that it
// compiles in 2 s. The address of OpenBLAS's function is handed over at run time.
#include <algorithm>
#include <climits>
#include <cstdint>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

using torch::stable::Tensor;

namespace {

enum Order { row_major = 101 };
enum Transpose { no = 111, yes = 112 };

using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                       float, float*, int);
Sgemm sgemm = nullptr;

// A factor as BLAS takes it: rows or columns must be contiguous, anything else is copied.
struct Factor {
  Tensor tensor;
  int transpose, leading;

  explicit Factor(const Tensor& given) : tensor(given) {
    if (!fits()) {
      tensor = torch::stable::contiguous(given);
      fits();
    }
  }

  bool fits() {
    const int64_t last = tensor.dim() - 1;
    const int64_t rows = tensor.size(last - 1), columns = tensor.size(last);
    const int64_t down = tensor.stride(last - 1), along = tensor.stride(last);
    if ((along == 1 || columns == 1) && (down >= columns || rows == 1)) {
      transpose = no;
      leading = static_cast<int>(std::max<int64_t>(rows == 1 ? columns : down, 1));
      return true;
    }
    if ((down == 1 || rows == 1) && (along >= rows || columns == 1)) {
      transpose = yes;
      leading = static_cast<int>(std::max<int64_t>(columns == 1 ? rows : along, 1));
      return true;
    }
    return false;
  }

  const float* matrix(int64_t number) const {
    const int64_t step = tensor.dim() == 3 ? tensor.stride(0) : 0;
    return static_cast<const float*>(tensor.data_ptr()) + number * step;
  }
};

Tensor multiply(const Tensor& a, const Tensor& b) {
  const auto type = torch::headeronly::ScalarType::Float;
  STD_TORCH_CHECK(a.scalar_type() == type && b.scalar_type() == type, "factors must be float32");
  const int64_t last = a.dim() - 1;
  STD_TORCH_CHECK(b.dim() == last + 1 && a.size(last) == b.size(last - 1) &&
                      (last == 1 || a.size(0) == b.size(0)),
                  "shapes of the factors do not match");
  const int64_t matrices = last == 2 ? a.size(0) : 1;
  const int64_t m = a.size(last - 1), k = a.size(last), n = b.size(last);
  STD_TORCH_CHECK(std::max({m, k, n}) <= INT_MAX, "factors are too large");
  const int64_t shape[] = {matrices, m, n};
  Tensor out = torch::stable::new_empty(a, {shape + (2 - last), static_cast<size_t>(last + 1)});
  const Factor left(a), right(b);
  float* to = static_cast<float*>(out.mutable_data_ptr());
  for (int64_t i = 0; i < matrices; i++, to += m * n)
    sgemm(row_major, left.transpose, right.transpose, m, n, k, 1.0f, left.matrix(i), left.leading,
          right.matrix(i), right.leading, 0.0f, to, std::max<int64_t>(n, 1));
  return out;
}

}  // namespace

extern "C" void use(Sgemm function) { sgemm = function; }

STABLE_TORCH_LIBRARY_IMPL(openblas, CPU, library) {
  library.impl("bmm", TORCH_BOX(&multiply));
  library.impl("mm", TORCH_BOX(&multiply));
}

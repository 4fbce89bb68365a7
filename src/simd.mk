# Flags of the files that are compiled for one instruction set.  A file NAME_SET.c is
# called only after the processor has said that it knows SET; elsewhere it compiles to
# nothing.  Included by the Makefile and by test/unit/Makefile.

SIMD_ARCH ?= $(shell $(CC) -dumpmachine | cut -d- -f1)

ifeq ($(SIMD_ARCH),x86_64)
%_avx2.o: CFLAGS += -mavx2 -mfma -mf16c
%_avx512.o: CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c -mprefer-vector-width=512
endif

# Loops along a row are there to be vectorised, which -O2 does not do.  Kernels are held in
# registers by unrolling, and must round the same way wherever the compiler copies them
# to: FMA only where the source says so.
%/net_forward.o %/net_backward.o %/neighbours.o %/neighbours_score.o %/ranking.o %/pair_counts.o %/kmeans.o: CFLAGS += -O3
%/soft.o %/lmnn.o %/lmnn_solve.o %/near.o %/scml.o %/itml.o %/logdet.o %/mmc.o %/lfda.o: CFLAGS += -O3
%/vmath_plain.o %/vmath_avx2.o %/vmath_avx512.o %/vmath_neon.o: CFLAGS += -O3 -ffp-contract=off -fno-math-errno

# Codes of src/ann: products of 8-bit integers, and floats that every set rounds alike.
ifeq ($(SIMD_ARCH),x86_64)
%/score_avx512.o: CFLAGS += -mavx512vnni
endif
%/rotate.o %/code.o %/halve.o: CFLAGS += -O3 -ffp-contract=off
%/code_plain.o %/code_avx2.o %/code_avx512.o: CFLAGS += -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math
%/score_plain.o %/score_avx2.o %/score_avx512.o %/score_neon.o: CFLAGS += -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math

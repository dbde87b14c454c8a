# shellcheck shell=bash
# Sourced by the job scripts: what a job will take, from measured constants, printed before it starts.
#   n particles on P ranks, L layers; per rank: n/P particles,
#   memory  = n/P * memory_particle + halo * memory_ghost + memory_rank
#   halo    = halo_surface * (n/P)^(2/3) particles (0 on one rank): what crosses the cut is its surface
#   bytes   = L * halo * (bytes_source forward; bytes_source + bytes_receiver backward) a step
#   seconds = L * n/P * second_forward a prediction, L * n/P * second_train a training step; a step of the truth is one force
#             in float64, n/P * second_truth, and there are two sets, one to train on and one to test on

# ---- constants. Measured on 2026-11-21 with inputs/million.yaml (1,048,576 bodies of a Plummer sphere, theta 0.7, leaf 8,
# blocks of 64) on 2 ranks of an idle 2-core machine (AVX2); a core of that kind is one rank. ----
memory_rank=60e6       # bytes of a rank without particles (libraries, buffers)
memory_particle=2800   # bytes a particle: resident in training, 1.45 GB for 524,288 (1.7 kB of them counted by the program)
memory_ghost=150       # bytes a halo particle; estimate
halo_surface=30        # halo particles over (n/P)^(2/3): 13.6 at 524,288 a rank, 35 at 131,072
bytes_source=32        # a source particle as it travels
bytes_receiver=56      # a receiver of the backward pass as it travels
second_forward=2.5e-6  # a particle and layer: tree, lists, halo, messages
second_train=9.2e-6    # the same, forward and backward
second_truth=5.2e-6    # a particle and step
truth_steps=24         # of inputs/million.yaml

arithmetic() { # n ranks layers training-steps [truth-steps]
  awk -v n="$1" -v P="$2" -v L="$3" -v steps="$4" -v mr=$memory_rank -v mp=$memory_particle -v mg=$memory_ghost \
    -v hs=$halo_surface -v bs=$bytes_source -v br=$bytes_receiver -v sf=$second_forward -v st=$second_train \
    -v tt=$second_truth -v truths=$((2 * ${5:-truth_steps})) 'BEGIN {
      own = n / P; halo = P > 1 ? hs * own ^ (2 / 3) : 0
      if (halo > n - own) halo = n - own
      forward = L * own * sf; train = steps * L * own * st; truth = truths * own * tt
      printf "== %d particles on %d ranks: %d a rank, halo about %d\n", n, P, own, halo
      printf "== memory about %.2f GiB a rank; halo about %.1f MB a rank forward, %.1f MB a training step\n",
        (own * mp + halo * mg + mr) / 2 ^ 30, L * halo * bs / 1e6, L * halo * (2 * bs + br) / 1e6
      printf "== about %.1f minutes: truth %.1f, %d training steps %.1f, one prediction %.2f\n",
        (truth + train + forward) / 60, truth / 60, steps, train / 60, forward / 60
    }'
}

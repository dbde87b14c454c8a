# shellcheck shell=bash
# Sourced by the job scripts: what a job will take, from measured constants, printed before it starts.
#   n particles on P ranks, L layers; per rank: n/P particles,
#   memory  = n/P * memory_particle + halo * memory_ghost + memory_rank
#   halo    = halo_surface * (n/P)^(2/3) particles (0 on one rank): what crosses the cut is its surface
#   bytes   = L * halo * (bytes_source forward; bytes_source + bytes_receiver backward) a step
#   seconds = L * n/P * pairs_particle / pair_rate forward; a training step is train_factor times that; a step of the truth
#             is one force in float64 (truth_factor layers), and there are two sets, one to train on and one to test on

# ---- constants. Measured on 2026-11-21 on one core of a shared 2-core machine (AVX2), one Plummer cloud of 65,536 bodies,
# inputs/million.yaml on 1 rank; an idle machine is faster. Those marked "estimate" are not measured yet. ----
memory_rank=60e6       # bytes of a rank without particles (libraries, buffers); estimate
memory_particle=3000   # bytes a particle; 1,860 were seen in a prediction, training is an estimate
memory_ghost=150       # bytes a halo particle; estimate
halo_surface=30        # halo particles over (n/P)^(2/3), theta 0.7; estimate
bytes_source=32        # a source particle as it travels
bytes_receiver=56      # a receiver of the backward pass as it travels
pairs_particle=33000   # near pairs a particle and layer, theta 0.7, blocks of 256 (23,400 at 32,768 bodies)
pair_rate=1.0e9        # of those a second and core, forward, float32
train_factor=3         # 2.6 at 65,536 bodies, 3.8 at 32,768
truth_factor=2         # estimate
truth_steps=24         # of inputs/million.yaml

arithmetic() { # n ranks layers training-steps [truth-steps]
  awk -v n="$1" -v P="$2" -v L="$3" -v steps="$4" -v mr=$memory_rank -v mp=$memory_particle -v mg=$memory_ghost \
    -v hs=$halo_surface -v bs=$bytes_source -v br=$bytes_receiver -v pp=$pairs_particle -v rate=$pair_rate \
    -v tf=$train_factor -v truths=$((2 * truth_factor * ${5:-truth_steps})) 'BEGIN {
      own = n / P; halo = P > 1 ? hs * own ^ (2 / 3) : 0
      if (halo > n - own) halo = n - own
      forward = L * own * pp / rate; truth = truths * own * pp / rate
      printf "== %d particles on %d ranks: %d a rank, halo about %d\n", n, P, own, halo
      printf "== memory about %.2f GiB a rank; halo about %.1f MB a rank forward, %.1f MB a training step\n",
        (own * mp + halo * mg + mr) / 2 ^ 30, L * halo * bs / 1e6, L * halo * (2 * bs + br) / 1e6
      printf "== about %.1f minutes: truth %.1f, %d training steps %.1f, one prediction %.2f\n",
        (truth + steps * tf * forward + forward) / 60, truth / 60, steps, steps * tf * forward / 60, forward / 60
    }'
}

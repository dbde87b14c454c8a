# shellcheck shell=bash
# Sourced by the job scripts: what a job will take, from measured constants, printed before it starts.
#   n particles on P ranks, L layers; per rank: n/P particles,
#   memory  = n/P * memory_particle + halo * memory_ghost + memory_rank
#   halo    = halo_surface * (n/P)^(2/3) particles (0 on one rank): what crosses the cut is its surface
#   bytes   = L * halo * (bytes_source forward; bytes_source + bytes_receiver backward) a step
#   seconds = L * n/P * pairs_particle / pair_rate forward; a training step is train_factor times that

# ---- constants; ESTIMATES until replaced by measured figures (say where and when beside each) ----
memory_rank=60e6      # bytes of a rank without particles (libraries, buffers)
memory_particle=4000  # bytes a particle while training, L = 4
memory_ghost=150      # bytes a halo particle
halo_surface=30       # halo particles over (n/P)^(2/3), theta 0.7
bytes_source=32       # a source particle as it travels
bytes_receiver=56     # a receiver of the backward pass as it travels
pairs_particle=2500   # near pairs and accepted cells a particle and layer, theta 0.7, blocks of 256
pair_rate=2e8         # of those, a second and core
train_factor=3        # forward, receivers' side, senders' side
truth_steps=48        # steps of the truth's integrator in a horizon

arithmetic() { # n ranks layers training-steps
  awk -v n="$1" -v P="$2" -v L="$3" -v steps="$4" -v mr=$memory_rank -v mp=$memory_particle -v mg=$memory_ghost \
    -v hs=$halo_surface -v bs=$bytes_source -v br=$bytes_receiver -v pp=$pairs_particle -v rate=$pair_rate \
    -v tf=$train_factor -v ts=$truth_steps 'BEGIN {
      own = n / P; halo = P > 1 ? hs * own ^ (2 / 3) : 0
      if (halo > n - own) halo = n - own
      forward = L * own * pp / rate; truth = ts * own * pp / rate
      printf "== %d particles on %d ranks: %d a rank, halo about %d\n", n, P, own, halo
      printf "== memory about %.2f GiB a rank; halo about %.1f MB a rank forward, %.1f MB a training step\n",
        (own * mp + halo * mg + mr) / 2 ^ 30, L * halo * bs / 1e6, L * halo * (2 * bs + br) / 1e6
      printf "== about %.1f minutes: truth %.1f, %d training steps %.1f, one prediction %.2f\n",
        (truth + steps * tf * forward + forward) / 60, truth / 60, steps, steps * tf * forward / 60, forward / 60
    }'
}

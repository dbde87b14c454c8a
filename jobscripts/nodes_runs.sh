# shellcheck shell=bash
# Sourced by nodes_gcn.sh and nodes_gate.sh: runs of task nodes over seeds, and what is read from their results.
# shellcheck source=jobscripts/scaling.sh
. "$(dirname "${BASH_SOURCE[0]}")/scaling.sh"
# Graph convolution as it is trained on given graphs. Of weight decay 5e-4 and 5e-3 the latter validates better, on Cora and Citeseer.
# shellcheck disable=SC2034
gcn_keys=(-net_dropout 0.5 -net_update_hidden 16 -train_decay 5e-3 -train_steps 200 -train_validate 1)

nodes_file() { # cora|citeseer|digits: its file, of those that ESPALIER_DATA/graph holds
  local folder=${ESPALIER_DATA:-$root/../shared/data}/graph file
  case $1 in digits) file=$folder/digits.h5 ;; *) file=$folder/$1_planetoid.h5 ;; esac
  [ -e "$file" ] || die "no $file: set ESPALIER_DATA (inputs/$1.yaml tells the source)"
  echo "$file"
}

nodes_run() { # ranks set seed name keys...: run folder $out/NAME
  local ranks=$1 set=$2 seed=$3 name=$4 file
  shift 4
  file=$(nodes_file "$set")
  launch "$ranks" "$program" run "$root/inputs/$set.yaml" -input "$file" -run_out "$out" -run_name "$name" -run_seed "$seed" \
    -report_pictures false "$@" >"$out/$name.log" 2>&1 ||
    { tail -n 20 "$out/$name.log" >&2; die "$name failed; all of its output is in $out/$name.log"; }
}

rung() { # name, method, member: of the method's row in evaluate.json; nothing where there is none
  grep -o "\"method\":\"$2\",[^}]*" "$out/$1/evaluate.json" | grep -o "\"$3\":[-+0-9.eE]*" | cut -d: -f2 || true
}

validation_of() { # name
  grep -o '"validation":[0-9.]*' "$out/$1/train.json" | tail -n 1 | cut -d: -f2
}

# Of every set a line: mean +- standard deviation of every column of the CSV but set, seed and those that are named.
nodes_means() { # columns...
  awk -F, -v without=" set seed $* " 'function mean(k) { return s[k] / n[k] }
    function sd(k) { v = n[k] > 1 ? (q[k] - n[k] * mean(k) ^ 2) / (n[k] - 1) : 0; return sqrt(v > 0 ? v : 0) }
    NR == 1 { columns = split($0, head, ","); next }
    !($1 in runs) { order[++sets] = $1 }
    { runs[$1]++; for (c = 3; c <= columns; c++) if ($c != "") { k = $1 SUBSEP c; n[k]++; s[k] += $c; q[k] += $c * $c } }
    END { for (i = 1; i <= sets; i++) {
      printf "%s, %d run%s:", order[i], runs[order[i]], (runs[order[i]] > 1 ? "s" : "")
      for (c = 3; c <= columns; c++) { k = order[i] SUBSEP c
        if (!n[k] || index(without, " " head[c] " ")) continue
        if (head[c] == "cells") printf " %s %.0f +- %.0f,", head[c], mean(k), sd(k)
        else printf " %s %.1f +- %.1f %%,", head[c], 100 * mean(k), 100 * sd(k) }
      print "" } }' "$csv" | sed 's/,$//'
}

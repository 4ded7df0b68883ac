# SPDX-License-Identifier: MIT
# tinyvis eval: figures against those worked out from `run`, tables of labels, refusals.
. tests/tool/common.inc
small_model "$T/m.tvis"
mkdir "$T/images"
i=0
while [ $i -lt 8 ]; do
    picture "$T/images/p$i.ppm" "$T/m.tvis" $((50000 + i * 9000)) $((20 + i)) 30
    i=$((i + 1))
done
tinyvis run --json --top 10 "$T/m.tvis" "$T"/images/*.ppm >"$T/run.json" || not_ok 'run for the others'
classes=$(grep -o '"top": \[{"class": [0-9]*' "$T/run.json" | grep -o '[0-9]*$')

# All right, with quotes, another order of columns, CRLF, an empty line and a byte order mark.
{
    printf '\357\273\277name,class_index,file\r\n'
    i=0
    for c in $classes; do
        printf '"a, ""b""\nc",%s,"p%s.ppm"\r\n' "$c" $i
        i=$((i + 1))
    done
    printf '\r\n'
} >"$T/right.csv"
works 'eval' eval "$T/m.tvis" --images "$T/images" --labels "$T/right.csv"
says 'all are right' '^top-1  *100.00 %'
says 'times' '^time  *p50 [0-9.]*, p95 '
works 'eval --json' eval "$T/m.tvis" --images "$T/images" --labels "$T/right.csv" --json
json_with 'eval --json has the keys' images top1 top5 recall p50_ms p95_ms p99_ms mean_ms min_ms std_ms arena_bytes
true_that 'all are right' test "$(value top1)" = 100
true_that 'eight pictures' test "$(value images)" = 8
arena=$(value arena_bytes)
works 'info' info --json "$T/m.tvis"
true_that 'eval and info know the same arena' test "$(value arena_bytes)" = "$arena"

# Labels that are half wrong; a binary question.
printf 'file,class_index\np0.ppm,1\np1.ppm,3\np2.ppm,1\np3.ppm,3\np4.ppm,3\np5.ppm,1\np6.ppm,8\np7.ppm,1' >"$T/mixed.csv"
works '--positive' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --positive 3 --json --threads 2 --plan small
json_with 'eval --positive has the keys' sensitivity specificity threshold auc
cp "$T/out" "$T/eval.json"
python 'the figures are those that Python works out' <<'EOF'
import json
run, d = json.load(open('run.json')), json.load(open('eval.json'))
want = [int(l.split(',')[1]) for l in open('mixed.csv').read().split()[1:]]
order = [[t['class'] for t in e['top']] for e in run]
prob = [{t['class']: t['prob'] for t in e['top']}[3] for e in run]
assert d['images'] == 8
assert abs(d['top1'] - 100 * sum(o[0] == w for o, w in zip(order, want)) / 8) < 1e-6
assert abs(d['top5'] - 100 * sum(w in o[:5] for o, w in zip(order, want)) / 8) < 1e-6
for c in range(10):
    seen = [o[0] == c for o, w in zip(order, want) if w == c]
    assert d['recall'][c] == (100 * sum(seen) / len(seen) if seen else None), (c, d['recall'])
pos = [p for p, w in zip(prob, want) if w == 3]
neg = [p for p, w in zip(prob, want) if w != 3]
auc = sum((p > n) + (p == n) / 2 for p in pos for n in neg) / len(pos) / len(neg)
assert abs(d['auc'] - auc) < 1e-9, (d['auc'], auc)
best = max(sum(p >= t for p in pos) / len(pos) + sum(n < t for n in neg) / len(neg) for t in prob)
assert abs(d['sensitivity'] + d['specificity'] - best) < 1e-9
assert any(abs(d['threshold'] - p) < 1e-6 for p in prob)
EOF
works '--positive for people' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --positive 3
says 'has the AUC' 'AUC [01]\.[0-9]*; at probability .* sensitivity .* specificity'
works '--size' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --size 48x40

run_eval='eval --images'
bad() # CSV-TEXT WORDS
{
    # shellcheck disable=SC2059
    printf "$1" >"$T/bad.csv"
    fails 1 "bad.csv: $2" $run_eval "$T/images" "$T/m.tvis" --labels "$T/bad.csv" --json
}
bad '' 'line 1: the header has no column'
bad 'file,class\np0.ppm,1\n' "line 1: the header has no column 'class_index'"
bad 'name,class_index\np0.ppm,1\n' "line 1: the header has no column 'file'"
bad 'file,class_index\n' 'line 1: no picture'
bad 'file,class_index\np0.ppm\n' 'line 2: a column is missing'
bad 'file,class_index\np0.ppm,1\n\np1.ppm,one\n' 'line 4: class_index is not a whole number'
bad 'file,class_index\np0.ppm,-1\n' 'line 2: class_index is not a whole number'
bad 'file,class_index\np0.ppm,10\n' 'line 2: .*not a class of this model: 9 allowed, 10 found'
bad 'file,class_index\np0.ppm,99999999999999\n' 'line 2'
bad 'file,class_index\n"p0.ppm,1\n' 'line 3: a quote is not closed'
bad 'file,class_index\n"p0.ppm"x,1\n' 'line 2: a quote is not closed'
bad 'file,class_index\np0.ppm,1\0\n' 'is not a text file: it has a zero byte'
bad 'file,class_index\rp0.ppm,1\rp1.ppm,2\rp2.ppm,x' 'line 4: class_index'
printf 'file,class_index\np0.ppm,1\nnone.ppm,2\n' >"$T/missing.csv"
fails 1 'images/none.ppm: cannot be opened' eval "$T/m.tvis" --images "$T/images" --labels "$T/missing.csv"
fails 1 'nofile.csv: cannot be opened' eval "$T/m.tvis" --images "$T/images" --labels "$T/nofile.csv"
fails 1 'nodir/p0.ppm: cannot be opened' eval "$T/m.tvis" --images "$T/nodir" --labels "$T/mixed.csv"
fails 1 'no such class' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --positive 10
fails 1 'no label and no number' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --positive cat
fails 1 'no picture is of the positive class' eval "$T/m.tvis" --images "$T/images" --labels "$T/mixed.csv" --positive 9
printf 'file,class_index\np0.ppm,1\n' >"$T/one.csv"
fails 1 'all pictures are of the positive class' eval "$T/m.tvis" --images "$T/images" --labels "$T/one.csv" --positive 1
finish

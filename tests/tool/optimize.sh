# SPDX-License-Identifier: MIT
# tinyvis optimize: stages on disk, measured; reports; goals; going on after an interruption; what is refused before any work.
. tests/tool/common.inc
tinyvis convert -m mobilenet_v3_small --random 7 --classes 10 --size 32 -o "$T/m.tvis" >/dev/null
D=$T/'a<b>&"c'
quick='--runs 5 --batch 1,3'

# shellcheck disable=SC2086
works 'optimize' optimize "$T/m.tvis" -o "$D" --recipe 'prune=magnitude:0.3,quantize=dynamic' --goal 'size=-70%,macs=+0%,arena<=10MB' $quick
says 'a line a stage' '^prune=magnitude:0\.3 .* 30\.0%'
says 'a line a batch' '^batch 3 .* ms (was .*), .* pictures/s'
says 'a line a goal' '^goal size=-70%  *passed: .* bytes, at most '
for f in manifest.txt report.json report.csv report.html 1-magnitude-0.3.tvis 2-magnitude-0.3-dynamic.tvis; do
    true_that "$f is there" test -s "$D/$f"
done
true_that 'and nothing else' test "$(ls "$D" | wc -l)" -eq 6
works 'verify of the last model' verify "$D/2-magnitude-0.3-dynamic.tvis"
works 'info of it' info "$D/2-magnitude-0.3-dynamic.tvis" --json
cp "$T/out" "$T/info.json"
cp "$D/report.json" "$T/out"
json_with 'report.json has the keys' stages name file file_bytes params nonzero_params sparsity macs arena_bytes peak_rss_kb p50_ms p95_ms p99_ms mean_ms min_ms std_ms cpu_ms throughput top1 top5 agree snr_db batch n goals target value pass layers profile nodes ops total_ms command cpu date version
cp "$D/report.json" "$D/report.csv" "$D/report.html" "$T"
python 'its numbers' <<'EOS'
import csv, json, os
r, info = json.load(open('report.json')), json.load(open('info.json'))
s = r['stages']
assert [x['name'] for x in s] == ['original', 'prune=magnitude:0.3', 'quantize=dynamic']
assert all(x['file_bytes'] == os.path.getsize(x['file']) for x in s)
assert s[0]['sparsity'] < 0.001 and abs(s[1]['sparsity'] - 0.3) < 1e-4 and 0.3 <= s[2]['sparsity'] < 0.4
assert s[2]['file_bytes'] <= 0.26 * s[0]['file_bytes'] and s[1]['file_bytes'] < 0.8 * s[0]['file_bytes']
for k in 'params', 'nonzero_params', 'macs', 'arena_bytes', 'pack_bytes':
    assert s[2][k] == info[k], k
assert all(0 < x['min_ms'] <= x['p50_ms'] <= x['p95_ms'] <= x['p99_ms'] for x in s)
assert all(abs(x['throughput'] * x['p50_ms'] / 1000 - 1) < 1e-6 for x in s)
assert all(0 < x['cpu_ms'] for x in s)
assert all(x['peak_rss_kb'] * 1024 > x['arena_bytes'] for x in s)
assert s[0]['agree'] == 100 and s[0]['snr_db'] is None and s[1]['snr_db'] > 0 and s[1]['top1'] is None
assert r['answers_on'] == 'patterns' and r['images'] == 16 and r['runs'] == 5
assert [b['n'] for b in r['batch']] == [1, 3] and r['batch'][1]['arena_bytes'] > r['batch'][0]['arena_bytes']
assert all(b['cpu_ms'] > 0 and b['cpu_ms_before'] > 0 for b in r['batch'])
assert all(abs(b['throughput'] * b['p50_ms'] / b['n'] - 1000) < 1e-3 for b in r['batch'])
g = r['goals']
assert [x['name'] for x in g] == ['size', 'macs', 'arena'] and all(x['pass'] for x in g)
assert abs(g[0]['target'] - 0.3 * s[0]['file_bytes']) < 1 and g[0]['value'] == s[2]['file_bytes'] and g[2]['target'] == 10**7
assert sum(n['macs'] for n in r['profile']['before']['nodes']) == s[0]['macs']
layers = {l['name']: l for l in r['layers']}
assert len(layers) == 54 and layers['classifier.0']['bytes'] < layers['classifier.0']['bytes_before']
rows = list(csv.DictReader(open('report.csv')))
assert len(rows) == 3 and rows[1]['file'] == s[1]['file'] and float(rows[2]['p50_ms']) == s[2]['p50_ms']
assert set(rows[0]) <= set(s[0]) and rows[0]['top1'] == ''
EOS
python 'report.html stands alone, names are escaped, tags are closed' <<'EOS'
import html.parser, re
text = open('report.html').read()
assert not re.search(r'<script|https?://|src=|@import|url\(', text)
assert 'a<b>' not in text and 'a&lt;b&gt;&amp;&quot;c' in text and 'prefers-color-scheme:dark' in text
class Check(html.parser.HTMLParser):
    stack, seen = [], {}
    def handle_starttag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in ('meta', 'br'):
            self.stack.append(tag)
    def handle_startendtag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, (tag, self.getpos())
c = Check()
c.feed(text)
assert not c.stack and c.seen['svg'] == 7 and c.seen['circle'] == 3, c.seen
EOS

# What is there is not made again.
files() { (cd "$D" && ls -i ./*.tvis); }
files >"$T/before"
# shellcheck disable=SC2086
works 'again, longer' optimize "$T/m.tvis" -o "$D" --recipe 'prune=magnitude:0.3,quantize=fp16' --json $quick
json_with '--json prints the report' stages batch goals
true_that 'it is the file' cmp "$T/out" "$D/report.json"
files | grep -v fp16 >"$T/after"
true_that 'models that were there stay' cmp "$T/before" "$T/after"
flip "$D/1-magnitude-0.3.tvis" 3000
# shellcheck disable=SC2086
works 'with a damaged model' optimize "$T/m.tvis" -o "$D" --recipe 'prune=magnitude:0.3' $quick
works 'it was made again' verify "$D/1-magnitude-0.3.tvis"

# shellcheck disable=SC2086
works 'with low rank' optimize "$T/m.tvis" -o "$T/r" --recipe 'prune=lowrank:0.1:modules=classifier.0;features.1?.block.0.0,quantize=fp16' $quick
works 'its model' verify "$T/r/1-lowrank-0.1-modules-classifier.0-features.1-.block.0.0.tvis"

if [ -n "$RUN" ]; then # tens of runs, each with a network to measure the machine by
    skip 'pictures and interruptions: too slow in an emulator'
    mkdir "$T/pictures"
    picture "$T/pictures/1.ppm" "$T/m.tvis" 20000 80 64
    echo 'file,class_index' >"$T/labels.csv"
else
# Pictures, labels, goals that fail.
mkdir "$T/pictures"
echo 'file,class_index' >"$T/labels.csv"
for i in 1 2 3 4 5 6; do
    picture "$T/pictures/$i.ppm" "$T/m.tvis" $((i * 20000)) 80 64
    echo "$i.ppm,$i" >>"$T/labels.csv"
done
set -- "$T/m.tvis" -o "$T/e" --recipe 'prune=channel:0.2:plain,quantize=int8:observer=minmax' --calibrate "$T/pictures" --images "$T/pictures" --labels "$T/labels.csv" --runs 3 --batch 2
tinyvis optimize "$@" --goal 'size=-99%,accuracy=-100' >"$T/out" 2>"$T/err"
true_that 'a goal that is not reached: status 1' test $? -eq 1
true_that 'and one line that tells' grep -q '^tinyvis: goals not reached: size=-99% (.* bytes, the limit is ' "$T/err"
says 'the table is printed all the same' '^goal size=-99%  *FAILED'
cp "$T/e/report.json" "$T/report.json"
works 'eval of the last model' eval "$T/e/2-channel-0.2-plain-int8-observer-minmax.tvis" --images "$T/pictures" --labels "$T/labels.csv" --json
cp "$T/out" "$T/eval.json"
works 'compare with the original' compare "$T/m.tvis" "$T/e/2-channel-0.2-plain-int8-observer-minmax.tvis" --images "$T/pictures" --json
python 'answers are those of eval and compare' <<'EOS'
import json
r, e, c = (json.load(open(f)) for f in ('report.json', 'eval.json', 'out'))
s = r['stages'][2]
assert s['top1'] == e['top1'] and s['top5'] == e['top5'] and s['agree'] == c['top1_agree'] and abs(s['snr_db'] - c['snr_db'][0]) < 1e-6
assert r['stages'][1]['macs'] < 0.8 * r['stages'][0]['macs'] and [g['pass'] for g in r['goals']] == [False, True]
EOS
works 'with goals that are reached' optimize "$@" --goal 'size=-30%,agree>=0'
cp "$T/pictures/1.ppm" "$T/pictures/7.ppm"
fails 1 'another model, pictures or options' optimize "$@"
rm "$T/pictures/7.ppm"

# Killed while it works, then run again.
kill_it() # SECONDS
{
    # shellcheck disable=SC2086
    $TINYVIS optimize "$T/m.tvis" -o "$T/k" --recipe 'prune=magnitude:0.5' --calibrate "$T/pictures" $quick >/dev/null 2>&1 &
    victim=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        grep -q -e '^--------' "$T/k/manifest.txt" 2>/dev/null && break
        sleep 0.1
    done
    sleep "$1"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
}
for wait in 0 0.2; do
    kill_it $wait
    true_that 'no model of an interrupted run is half written' sh -c 'for f in "$1"/*.tvis; do [ ! -e "$f" ] || $2 verify "$f" || exit 1; done' sh "$T/k" "$TINYVIS"
done
echo half >"$T/k/tinyvis-1-0.tmp"
for _ in 1 2 3 4 5 6 7 8 9 10; do # until the kernel has taken the child and its lock away
    # shellcheck disable=SC2086
    tinyvis optimize "$T/m.tvis" -o "$T/k" --recipe 'prune=magnitude:0.5' --calibrate "$T/pictures" $quick >"$T/out" 2>"$T/err" && break
    sleep 0.5
done
true_that 'the next run ends well' test -s "$T/k/report.html"
works 'its model' verify "$T/k/1-magnitude-0.5.tvis"
true_that 'nothing temporary is left' sh -c '! ls "$1"/*.tmp' sh "$T/k"
fi

# Refused, before anything is made.
no=$T/none
bad() # STATUS WORDS ARGUMENTS...
{
    want=$1 words=$2
    shift 2
    fails "$want" "$words" optimize "$T/m.tvis" -o "$no" "$@"
    true_that 'no folder was made' test ! -e "$no"
}
bad 2 "'--recipe' is missing"
fails 2 "'-o' is missing" optimize "$T/m.tvis" --recipe quantize=fp16
bad 2 'distill=1: is no stage' --recipe distill=1
bad 2 'from 0 to below 1' --recipe prune=magnitude:1
bad 2 'from 0 to below 1' --recipe prune=magnitude:-0.5,quantize=fp16
bad 2 "'squash' is not one of fp16" --recipe quantize=squash
bad 2 "'random' is not one of magnitude" --recipe prune=random:0.3
bad 2 "unknown option '--depth=3'" --recipe quantize=fp16:depth=3
bad 2 "'--amount' is missing" --recipe prune=magnitude
bad 2 'int8 needs pictures' --recipe quantize=int8
bad 2 'has to be the last' --recipe quantize=fp16,prune=magnitude:0.3
bad 2 'is no goal' --recipe quantize=fp16 --goal speed=-30%
bad 2 "'--batch'" --recipe quantize=fp16 --batch 1,0
bad 2 "'--batch'" --recipe quantize=fp16 --batch 1,,2
bad 2 "'--images' is missing" --recipe quantize=fp16 --labels "$T/labels.csv"
bad 1 'accuracy and top5 need' --recipe quantize=fp16 --goal accuracy=-5
bad 1 'nowhere' --recipe quantize=fp16 --images "$T/nowhere"
bad 1 'nowhere' --recipe quantize=int8 --calibrate "$T/nowhere"
bad 1 'nowhere' --recipe quantize=fp16 --images "$T/pictures" --labels "$T/nowhere.csv"
echo 'file,class_index
absent.ppm,1' >"$T/absent.csv"
bad 1 'absent.ppm: is in the table' --recipe quantize=fp16 --images "$T/pictures" --labels "$T/absent.csv"
fails 1 'quantized already' optimize "$D/2-magnitude-0.3-dynamic.tvis" -o "$no" --recipe prune=magnitude:0.3
fails 1 'pruned already' optimize "$D/1-magnitude-0.3.tvis" -o "$no" --recipe prune=magnitude:0.3
fails 1 'nothing.tvis' optimize "$T/nothing.tvis" -o "$no" --recipe quantize=fp16
mkdir "$T/other"
echo mine >"$T/other/notes"
fails 1 'choose a new or an empty folder' optimize "$T/m.tvis" -o "$T/other" --recipe quantize=fp16
true_that 'what was there stays' grep -q mine "$T/other/notes"
fails 1 'is not a folder' optimize "$T/m.tvis" -o "$T/other/notes" --recipe quantize=fp16
fails 1 'no/such' optimize "$T/m.tvis" -o "$T/no/such" --recipe quantize=fp16
cp "$T/m.tvis" "$D/1-fp16.tvis"
fails 1 'not of this command' optimize "$T/m.tvis" -o "$D" --recipe quantize=fp16
true_that 'it stays' cmp "$T/m.tvis" "$D/1-fp16.tvis"
echo damage >>"$D/manifest.txt"
fails 1 'manifest.txt: is damaged' optimize "$T/m.tvis" -o "$D" --recipe prune=magnitude:0.3
finish

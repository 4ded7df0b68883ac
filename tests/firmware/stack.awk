# SPDX-License-Identifier: MIT
# Adds up stacks along calls. Input: assembly, then call graphs in GCC's format. Prints TAP.
# A function is "file:name" where it is static, else its name.

# ---- what pointers to functions point to: in functions like the first, to functions like the second ----
function rule(from, to) { from_rule[++rules] = from; to_rule[rules] = to }
BEGIN {
    rule("session\\.c:run_node$|^tvis_session_run$", "src/ops/op_.*:run(_.*)?$")
    rule("session\\.c:(visit_node|observe)$", "") # the caller's own functions
    rule("planner\\.c:(run_walk|plan_node|plan_fusion)$",
         "src/ops/.*:(plan|plan_.*|match)$|^tvis_rows_match$|session\\.c:(visit_node|store)$|pack\\.c:pack_node$")
    rule("pack\\.c:pack_node$", "src/ops/.*:pack$")
    rule("src/ops/.*:(plan_as|check)$", "^tvis_dense_s(8|16)_plan$|^tvis_s(8|16)_(check|constants)$")
    rule("src/ops/op_.*_s8\\.c:run_as$", "^tvis_dense_s(8|16)_run$")
    rule("matmul\\.c:run_part$", "src/ops/.*:(multiply|gather)$")
    rule("^tvis_gemm_s8_short$", "gemm_s8_armv6\\.c:run$") # the kernel again, with k long enough
    rule("gemm_s8_armv6\\.c:.*", "^tvis_s8_tiles_(first|next)_armv6$")
    rule("depthwise_s8_armv6\\.c:.*|^tvis_depthwise_s8_(picture_)?[35]x[35]_armv6$",
         "depthwise_s8_armv6\\.c:prepare[35]$|^tvis_dw[35]_stride[12]_armv6$")
    rule("dense_s8\\.c:multiply$", "^tvis_gemm_s8_.*(c|armv6|dsp)$")
    rule("dense_s16\\.c:product$", "^tvis_gemm_s(8|16)_.*(c|armv6|dsp)$")
    rule("dense_dynamic\\.c:multiply$", "^tvis_(gemm_s8|dynamic)_.*(c|armv6|dsp)$")
    rule("op_rows\\.c:.*(part|pass|band|stage).*", "src/ops/op_(conv|depthwise|max_pool|requantize).*:run(_.*)?$")
    rule("op_rows\\.c:pack$", "src/ops/op_(conv|depthwise).*:pack$")
    rule("op_rows\\.c:(plan|plan_stages)$", "src/ops/op_(conv|depthwise|max_pool|requantize).*:plan(_.*)?$")
    rule("op_depthwise_s8\\.c:run_picture$", "^tvis_depthwise_s8_picture_.*armv6$")
    rule("models/match\\.c:.*", "models/match\\.c:.*distance.*|^tvis_.*_c$")
    rule("op_depthwise.*\\.c:.*part", "^tvis_depthwise_.*(c|armv6|dsp)$")
    rule("^tvis_matrix_multiply$", "^tvis_gemm_f32_.*c$")
    # what works on values or on rows of them
    rule("src/ops/.*|^tvis_.*", "^tvis_(act|attention|channels|finish|round|layer_norm|look_up|narrow|pointwise|sparse)[a-z0-9_]*_(c|armv6|dsp)$")
}

# ---- assembly: ENTER takes 40 bytes ----
FNR == 1 { assembly = FILENAME ~ /\.S$/; if (assembly) { here = ""; split("", defined) } }
assembly && /^#define/ { defined[$2] = $3 }
assembly && /^\.macro/ { here = "macro " $2; own[here] = 0 }
assembly && /^\.endm/ { here = "" }
assembly && /^FUNCTION / && $2 !~ /\\/ { here = $2; own[here] = 0 }
assembly && ("macro " $1) in own && $2 ~ /^tvis_/ { name = $2; sub(/,$/, "", name); own[name] = own["macro " $1] }
assembly && /^ENTER/ && here != "" { own[here] += 40 }
assembly && /^sub sp, sp, #/ && here != "" { n = $4; sub(/#/, "", n); own[here] += n in defined ? defined[n] : n }
assembly && /^push/ && here != "" { own[here] += 40 }
assembly && /^END_FUNCTION/ { here = "" }
assembly { next }

# ---- call graphs ----
function field(key,    at, rest) {
    at = index($0, key ": \"")
    if (!at) return ""
    rest = substr($0, at + length(key) + 3)
    return substr(rest, 1, index(rest, "\"") - 1)
}
/^graph:/ { file = field("title") }
/^node:/ {
    name = field("title"); label = field("label")
    if (match(label, /[0-9]+ bytes \((static|dynamic|dynamic,bounded)\)/)) {
        own[name] = substr(label, RSTART, RLENGTH) + 0
        home[name] = file
        if (label ~ /bytes \(dynamic\)/) unbounded = unbounded " " name
    }
}
/^edge:/ { from = field("sourcename"); calls[from] = calls[from] "\n" field("targetname") }

function pointees(f,    i, g, to, list) {
    for (i = 1; i <= rules; i++)
        if (f ~ from_rule[i]) break
    if (i > rules) { unknown = unknown " " f; return "" }
    used[i] = 1
    to = to_rule[i]
    if (to == "") return ""
    list = ""
    for (g in own)
        if (g ~ to)
            list = list "\n" g
    return list
}

# tvis_run_parts() calls the parts of the file that called it: a function of its own for each of them.
function part_runner(file,    f, g) {
    f = file ":RUNNER"
    if (f in own) return f
    own[f] = own["tvis_run_parts"]
    for (g in own)
        if (index(g, file ":") == 1 && g ~ /:[a-z0-9_]*part[a-z0-9_]*$/)
            calls[f] = calls[f] "\n" g
    if (calls[f] == "") unknown = unknown " " f
    return f
}

function depth(f,    i, n, part, list, d, most, through) {
    if (f in deep) return deep[f]
    if (f in busy) { recursive = recursive " " f; return 0 }
    if (!(f in own)) return f ~ /^(mem|__)/ ? 16 : 0   # libgcc and mem*: a few words
    busy[f] = 1
    list = calls[f]
    if (list ~ /__indirect_call/) list = list pointees(f)
    n = split(list, part, "\n")
    for (i = 1; i <= n; i++) {
        if (part[i] == "" || part[i] == "__indirect_call") continue
        if (part[i] == "tvis_run_parts") part[i] = part_runner(home[f])
        d = depth(part[i])
        if (d > most) { most = d; through = part[i] }
    }
    delete busy[f]
    deep[f] = own[f] + most
    next_of[f] = through
    return deep[f]
}

function path(f,    text, short) {
    for (text = ""; f != ""; f = next_of[f]) {
        short = f; sub(/.*\//, "", short)
        text = text (text == "" ? "" : " > ") short " " own[f] + 0
    }
    return text
}

END {
    n = split(public, names, " ")
    for (i = 1; i <= n; i++)
        if (names[i] in own) {
            count++
            d = depth(names[i])
            line[count] = sprintf("# %5d %s", d, names[i])
            if (d > worst) { worst = d; at = names[i] }
        }
    for (i = 1; i <= count; i++) print line[i]
    print "# " path(at)
    print (path("tvis_session_run") ~ / op_.* tvis_.*_(c|dsp|armv6) / ? "ok" : "not ok") " - running a session reaches operators and their kernels"
    print (count > 20 && worst <= limit ? "ok" : "not ok") " - the deepest stack is " worst " bytes, in " at ", " limit " allowed"
    print (unknown == "" ? "ok" : "not ok") " - pointers to functions are those of stack.awk" unknown
    print (recursive == "" ? "ok" : "not ok") " - nothing calls itself" recursive
    print (unbounded == "" ? "ok" : "not ok") " - no frame of variable size" unbounded
}

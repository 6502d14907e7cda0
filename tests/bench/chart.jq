# bench.json to a program for gnuplot: the CPU time a datagram beside that of nginx.  Colours and
# greys that are readable on light and on dark; no background.  Nothing if there is nothing to compare.

def grey: "#808890";
def colour: {udp46: "#2f81f7", nginx: "#e0823d", rinetd: "#9a6dd7", socat: grey};
def quoted: "\"" + gsub("\""; "") + "\"";

def microseconds: . / 1000 | if . < 10 then . * 10 | round / 10 else round end | "\(.) us";

[.scenarios[] | select(.group == "cpu" or .group == "full") |
    (if .group == "full" then "full speed: " else "" end) as $how |
    (.relays | map(select(.relay == "nginx"))[0].cpu_ns // null) as $base | select($base) |
    {title: ($how + .title), bars: [.relays[] | select(.cpu_ns) | {relay, cpu_ns, share: (.cpu_ns / $base)}]}]
    as $scenarios |
select($scenarios != []) |
# A line for each bar, and an empty one between two scenarios.
(reduce $scenarios[] as $s ({y: 0, bars: [], tics: []};
    .y as $y | .bars += [$s.bars | to_entries[] | .value + {y: ($y + .key)}] |
    .tics += [{title: $s.title, y: ($y + ($s.bars | length - 1) / 2)}] |
    .y += ($s.bars | length) + 0.8)) as $chart |
([$chart.bars[].relay] | reduce .[] as $r ([]; if index([$r]) then . else . + [$r] end)) as $relays |
"set terminal svg size 860,\(60 + $chart.y * 15 | round) font 'sans-serif,13'",
"set output output",
"set title 'CPU time of the relay host a datagram: nginx is 1' textcolor rgb '\(grey)'",
"set border 0",
"set yrange [\($chart.y):-1]",
"set xrange [0:\([$chart.bars[].share] | max * 1.08)]",
"set ytics scale 0 textcolor rgb '\(grey)' (\([$chart.tics[] |
    (.title | quoted) + " \(.y)"] | join(", ")))",
"set xtics scale 0 0.5 textcolor rgb '\(grey)'",
"set grid xtics linecolor rgb '\(grey)' linewidth 0.3",
"set key outside top center horizontal textcolor rgb '\(grey)' reverse Left samplen 1",
"set style fill solid noborder",
($relays[] as $r | "$\($r) << END",
    ($chart.bars[] | select(.relay == $r) |
	"\(.y) \(.share) \(.cpu_ns | microseconds | quoted)"), "END"),
"plot \([$relays[] | "$\(.) using ($2/2):1:($2/2):(0.45) with boxxyerror title \"\(.)\" " +
    "linecolor rgb '\(colour[.] // grey)', $\(.) using 2:1:3 with labels left offset 0.5,0 " +
    "textcolor rgb '\(grey)' font ',10' notitle"] | join(", "))"

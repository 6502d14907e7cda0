# bench.json to tables for people.

def cell($width; digits):
	(if . == null then "-" elif type == "number" then
	    (pow(10; digits) as $f | (. * $f | round) / $f | tostring) else . end) |
	" " * ([0, $width - length] | max) + .;

def left($width): . + " " * ([0, $width - length] | max);

("scenario" | left(20)) + ("relay" | left(8)) + ("delivered/s" | cell(12; 0)) +
    ("Gbit/s" | cell(8; 0)) + ("loss %" | cell(8; 0)) + ("corrupt" | cell(8; 0)) +
    ("CPU ns" | cell(8; 0)) + ("process" | cell(8; 0)) + ("host" | cell(8; 0)) +
    ("p50 us" | cell(8; 0)) + ("p99 us" | cell(8; 0)) + ("x nginx" | cell(8; 0)),
(.scenarios[] | .scenario as $s | .relays[] |
    ($s | left(20)) + (.relay | left(8)) + (.per_second | cell(12; 0)) +
    (.gbit_per_second | cell(8; 2)) + (.loss_percent | cell(8; 2)) + (.corrupt | cell(8; 0)) +
    (.cpu_ns | cell(8; 0)) + (.process_ns | cell(8; 0)) + (.host_ns | cell(8; 0)) +
    (.p50_us | cell(8; 0)) + (.p99_us | cell(8; 0)) + (.nginx_ratio | cell(8; 2)))

# hyperfine's results of several rounds, one after the other, as rows of a table.
# $memory: {name: [kilobytes]}
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
    else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def one(n): . * n | round / n;

[.[].results[]] | group_by(.command)
| map({
    name: .[0].command,
    wall: ([.[].times[]] | median * 1000),
    runs: ([.[].times[]] | length),
    cpu: ([.[] | .user + .system] | median * 1000),
    memory: ($memory[.[0].command] | median / 1024)
  })
| (map(select(.name | startswith("wait-ready"))) | .[0]) as $ours
| sort_by(.wall)
| .[]
| "| \(.name) | \(.wall | one(10)) ms | \(.wall / $ours.wall | one(100))x | \(.cpu | one(10)) ms | \(.memory | one(10)) MB | \(.runs) |"

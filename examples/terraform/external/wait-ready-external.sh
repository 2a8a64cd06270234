#!/bin/sh
# The program of Terraform's `external` data source: a query on standard input, and on standard
# output one flat JSON object, of which every value must be a string.
set -eu

query=$(cat)
instance_id=$(printf '%s' "$query" | jq --exit-status --raw-output .instance_id)
timeout=$(printf '%s' "$query" | jq --raw-output '.timeout // "10m"')

# In two steps, because a pipe would hide the exit code of wait-ready.
result=$(wait-ready "$instance_id" --timeout "$timeout" --output json)
printf '%s' "$result" | jq '{id, ip, status, instance_type, region} | map_values(. // "")'

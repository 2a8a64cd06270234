#!/bin/sh
# The loop that people write, in its cheapest form: one curl and one jq for a poll.
# usage: curl-jq.sh INSTANCE_ID, with FAL_API_URL and FAL_KEY in the environment
while :; do
    ip=$(curl -fsS -H "Authorization: Key $FAL_KEY" "$FAL_API_URL/compute/instances/$1" |
        jq -r 'select(.status == "ready").ip // empty')
    [ -n "$ip" ] && break
    sleep 5
done
printf '%s\n' "$ip"

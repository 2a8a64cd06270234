// The step of action.yml: installs wait-ready, runs it, and passes its files on to the runner.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { install } from "./install.mjs";

const OPTIONS = ["for", "timeout", "max-in", "stable", "simulate"];

function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}

function needed(name) {
  if (!process.env[name]) throw new Error(`${name} is not set: this runs as a step of GitHub Actions`);
  return process.env[name];
}

// The key, and options that are not inputs, come from the environment of the calling step.
function environment() {
  const variables = Object.entries(process.env).filter(([name]) => !name.startsWith("INPUT_"));
  const options = OPTIONS.filter(input).map((name) => [
    `WAIT_READY_${name.toUpperCase().replace("-", "_")}`,
    input(name),
  ]);
  return Object.fromEntries([...variables, ...options]);
}

// Variables are passed by name, so that no value is in a process list.
function inContainer(image, folder, env) {
  const passed = /^(FAL_|WAIT_READY_|(GITHUB_ACTIONS|CI|RUST_LOG|NO_COLOR)$)|_(proxy|PROXY)$/;
  const names = Object.keys(env).filter((name) => passed.test(name) && env[name]);
  return [
    "docker",
    ["run", "--rm", "--read-only", "--volume", `${folder}:/shared`,
      ...names.flatMap((name) => ["--env", name]), image],
    "/shared",
  ];
}

// Resolves to the exit code, 128 + n for signal n as in a shell.
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "inherit", "inherit"] });
    // When a job is cancelled, the runner signals only this process. On Windows the console notifies
    // both, and `kill` would leave no time for a report.
    const cancel = () => process.platform === "win32" || child.kill("SIGTERM");
    process.on("SIGINT", cancel).on("SIGTERM", cancel);
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]));
  });
}

function contents(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : "";
}

async function main() {
  const ids = input("instance-id").split(/\s+/).filter(Boolean);
  if (ids.length === 0) throw new Error("the input instance-id is empty");
  const [output, summary] = [needed("GITHUB_OUTPUT"), needed("GITHUB_STEP_SUMMARY")];
  const env = environment();

  const private_ = fs.mkdtempSync(path.join(needed("RUNNER_TEMP"), "wait-ready-"));
  try {
    // Writable for any user that a container runs as; the private folder above keeps others out.
    const shared = path.join(private_, "shared");
    fs.mkdirSync(shared);
    fs.chmodSync(shared, 0o777);
    // In a file, so that an id that begins with a dash is not taken for an option.
    fs.writeFileSync(path.join(shared, "ids"), ids.join("\n") + "\n");

    const [program, before, folder] = input("image")
      ? inContainer(input("image"), shared, env)
      : [await install(input("version")), [], shared];
    const within = (name) => (folder === "/shared" ? `/shared/${name}` : path.join(folder, name));
    process.exitCode = await run(program, [
      ...before, "--output", "ip", "--output-file", within("ip"), "--report", within("report.json"),
      "--summary", within("summary.md"), `@${within("ids")}`,
    ], env);

    const ip = contents(path.join(shared, "ip")).split(/\s+/).join(" ");
    const json = contents(path.join(shared, "report.json"));
    if (ip) fs.appendFileSync(output, `ip=${ip}\n`);
    if (json) fs.appendFileSync(output, `json=${json}\n`);
    fs.appendFileSync(summary, contents(path.join(shared, "summary.md")) + "\n");
  } finally {
    fs.rmSync(private_, { recursive: true, force: true });
  }
}

main().catch((error) => {
  const escaped = error.message.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
  console.log(`::error title=wait-ready::${escaped}`);
  process.exitCode = 1;
});

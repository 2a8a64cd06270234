// Installs a release's program for the runner's system and processor, verified by SHA256SUMS, in the
// runner's tool cache.

import { execFileSync, spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TARGETS = {
  "linux x64": "x86_64-unknown-linux-musl",
  "linux arm64": "aarch64-unknown-linux-musl",
  "darwin x64": "x86_64-apple-darwin",
  "darwin arm64": "aarch64-apple-darwin",
  "win32 x64": "x86_64-pc-windows-gnu",
  "win32 arm64": "x86_64-pc-windows-gnu", // Windows runs it by emulation
};
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

function manifest(key) {
  const text = fs.readFileSync(path.join(HERE, "..", "Cargo.toml"), "utf8");
  return text.match(new RegExp(`^${key} = "(.*)"$`, "m"))[1];
}

// In a process of its own, because Node reads the variables of proxies and CAs when it starts.
function download(url, file) {
  const variables = { NODE_USE_ENV_PROXY: "1", NODE_EXTRA_CA_CERTS: process.env.SSL_CERT_FILE };
  const env = Object.fromEntries(
    Object.entries({ ...variables, ...process.env }).filter(([, value]) => value),
  );
  return new Promise((resolve, reject) => {
    let said = "";
    const child = spawn(process.execPath, [path.join(HERE, "download.mjs"), url, file], {
      env,
      stdio: ["ignore", "inherit", "pipe"],
    });
    child.stderr.on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`cannot download ${url}: ${said.trim()}`)),
    );
  });
}

function check(archive, sums) {
  const name = path.basename(archive);
  const lines = fs.readFileSync(sums, "utf8").split("\n").map((line) => line.split(/ [ *]/));
  const expected = lines.find((line) => line[1] === name)?.[0];
  if (!expected) throw new Error(`SHA256SUMS of this release does not name ${name}: nothing was run`);
  const actual = crypto.createHash("sha256").update(fs.readFileSync(archive)).digest("hex");
  if (actual !== expected) {
    throw new Error(
      `${name} is not what SHA256SUMS says: nothing was run\nexpected ${expected}\ndownloaded ${actual}`,
    );
  }
}

function unpack(archive, folder) {
  // On Windows, the system's tar, which reads zip, not the one of Git.
  const windows = process.platform === "win32";
  const tar = windows ? path.join(process.env.SystemRoot, "System32", "tar.exe") : "tar";
  execFileSync(tar, [windows ? "-xf" : "-xzf", archive, "-C", folder], { stdio: "inherit" });
}

/** Installs the wanted version, by default that of this action; returns the path of the program. */
export async function install(wanted) {
  const version = (wanted || manifest("version")).replace(/^v/, "");
  if (!VERSION.test(version)) throw new Error(`the input version is not a version: ${wanted}`);
  const target = TARGETS[`${process.platform} ${process.arch}`];
  if (!target) throw new Error(`there is no release for ${process.platform} on ${process.arch}`);

  const name = `wait-ready-v${version}-${target}`;
  const program = process.platform === "win32" ? "wait-ready.exe" : "wait-ready";
  const temporary = process.env.RUNNER_TEMP;
  const tools = process.env.RUNNER_TOOL_CACHE || temporary;
  const installed = path.join(tools, "wait-ready", version, target);
  if (fs.existsSync(installed)) return path.join(installed, program);

  // The repository of this action; for a local checkout, that of the manifest.
  const repository = process.env.GITHUB_ACTION_REPOSITORY || manifest("repository").split("/").slice(-2).join("/");
  const server = process.env.GITHUB_SERVER_URL || "https://github.com";
  const release = `${server}/${repository}/releases/download/v${version}`;
  const folder = fs.mkdtempSync(path.join(temporary, "wait-ready-"));
  try {
    const archive = path.join(folder, `${name}.${process.platform === "win32" ? "zip" : "tar.gz"}`);
    const sums = path.join(folder, "SHA256SUMS");
    await Promise.all([archive, sums].map((file) => download(`${release}/${path.basename(file)}`, file)));
    check(archive, sums);
    unpack(archive, folder);
    // Copied beside its place and renamed, so that an install is complete or absent.
    fs.mkdirSync(path.dirname(installed), { recursive: true });
    const beside = fs.mkdtempSync(`${installed}-`);
    fs.cpSync(path.join(folder, name), beside, { recursive: true });
    fs.chmodSync(beside, 0o755);
    try {
      fs.renameSync(beside, installed);
    } catch (error) {
      // Another job of this runner was first.
      fs.rmSync(beside, { recursive: true, force: true });
      if (!fs.existsSync(installed)) throw error;
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return path.join(installed, program);
}

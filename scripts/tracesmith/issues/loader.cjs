// Runs a script in TypeScript that imports the sources of a repository, without a build and without the network.
// node loader.cjs SCRIPT [FOLDER…]: runs in the sandbox, at the root of the repository; the folders are where packages
// of it stand whose TypeScript may be used. Ends as the script ends; with 13 when the script waits for what never comes.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createRequire, registerHooks, stripTypeScriptTypes } = require("node:module");
const { fileURLToPath, pathToFileURL } = require("node:url");

const NEVER_SETTLED = 13;
const TYPED = /\.(?:[cm]?ts|tsx|jsx)$/;
const TWINS = { ".js": [".ts", ".tsx", ".jsx"], ".jsx": [".tsx"], ".mjs": [".mts"], ".cjs": [".cts"] };
const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];
const [script, ...folders] = process.argv.slice(2).map((name) => path.resolve(name));
const ts = ownTypeScript();

function ownTypeScript() {
    for (const folder of [process.cwd(), ...folders]) {
        try {
            const found = createRequire(path.join(folder, "package.json"))("typescript");
            if (typeof found.transpileModule === "function") return found; // TypeScript 7 has no such API
        } catch (error) {
            if (error.code !== "MODULE_NOT_FOUND") throw error;
        }
    }
    return null;
}

function isFile(name) {
    return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

// What a bundler or TypeScript finds under a path: the source before what was built of it, endings and index files.
function sourceAt(name) {
    const ending = path.extname(name);
    const twins = (TWINS[ending] ?? []).map((other) => name.slice(0, -ending.length) + other);
    const longer = [name, path.join(name, "index")].flatMap((stem) => ENDINGS.map((other) => stem + other));
    return [...twins, name, ...longer].find(isFile);
}

const settings = new Map();
function settingsOf(file) {
    const folder = path.dirname(file);
    if (!settings.has(folder)) {
        const found = ts.findConfigFile(folder, ts.sys.fileExists);
        const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
        settings.set(folder, (found && ts.getParsedCommandLineOfConfigFile(found, {}, host)?.options) || {});
    }
    return settings.get(folder);
}

function isOfRepository(file) {
    return !file.includes(`${path.sep}node_modules${path.sep}`);
}

// Paths and names that only tsconfig.json or a package's "imports" know.
function byTypeScript(specifier, parent) {
    const host = { ...ts.sys, fileExists: isFile };
    const found = ts.resolveModuleName(specifier, parent, settingsOf(parent), host).resolvedModule?.resolvedFileName;
    return found && !/\.d\.[cm]?ts$/.test(found) ? path.resolve(found) : undefined;
}

function resolve(specifier, context, next) {
    const parent = context.parentURL?.startsWith("file:") ? fileURLToPath(context.parentURL) : undefined;
    if (!parent || !isOfRepository(parent)) return next(specifier, context);
    if (/^(?:\.\.?(?:\/|$)|\/|file:)/.test(specifier)) {
        const name = specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier.replace(/[?#].*$/, "");
        const found = sourceAt(path.resolve(path.dirname(parent), name));
        if (found) return { url: pathToFileURL(found).href, shortCircuit: true };
        return next(specifier, context);
    }
    try {
        return next(specifier, context);
    } catch (error) {
        const found = ts && byTypeScript(specifier, parent);
        if (!found) throw error;
        return { url: pathToFileURL(found).href, shortCircuit: true };
    }
}

// CommonJS is what most forgives: names that are only types, default imports of old packages, cycles.
function isModule(file, text) {
    return !ts || file.endsWith(".mts") || /\bimport\.meta\b/.test(text);
}

function transpiled(file, text, format) {
    const options = {
        ...settingsOf(file),
        module: format === "module" ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
        moduleResolution: undefined,
        customConditions: undefined,
        esModuleInterop: true,
        verbatimModuleSyntax: false,
        sourceMap: false,
        inlineSourceMap: true,
        inlineSources: false,
        removeComments: false,
        outDir: undefined,
    };
    if (options.jsx === ts.JsxEmit.Preserve || options.jsx === undefined) options.jsx = ts.JsxEmit.ReactJSX;
    return ts.transpileModule(text, { fileName: file, compilerOptions: options }).outputText;
}

function load(url, context, next) {
    const file = url.startsWith("file:") ? fileURLToPath(url) : "";
    const isImported = context.conditions?.includes("import");
    if (file.endsWith(".json") && isImported && context.importAttributes?.type !== "json") {
        return { format: "module", source: `export default ${fs.readFileSync(file, "utf8")}`, shortCircuit: true };
    }
    if (!TYPED.test(file)) return next(url, context);
    const text = fs.readFileSync(file, "utf8") + (file === script ? "\nexport {};\n" : "");
    const format = isModule(file, text) ? "module" : "commonjs";
    const source = ts ? transpiled(file, text, format) : stripTypeScriptTypes(text, { mode: "transform" });
    return { format, source: file === script && format === "commonjs" ? awaiting(source) : source, shortCircuit: true };
}

// The script may wait on its top level, which CommonJS does not know.
function awaiting(source) {
    return `exports.default = (async () => {${source}\n})();`;
}

let settled = false;
process.on("beforeExit", () => {
    if (settled) return;
    console.error("The script waits for something that never comes.");
    process.exit(NEVER_SETTLED);
});
registerHooks({ resolve, load });
process.argv.splice(1, process.argv.length - 1, script);
(async () => {
    if (isModule(script, fs.readFileSync(script, "utf8"))) await import(pathToFileURL(script).href);
    else await require(script).default;
    settled = true;
})();

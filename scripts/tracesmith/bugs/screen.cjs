// Tells which edits give the same JavaScript and which no longer compile, with the repository's own TypeScript.
// node screen.cjs EDITS REPORT SCREEN…: EDITS has a line of JSON an edit, [{path, hunks: [{line, before, after}]}] with all
// its files, the screens are "javascript" and "types"; runs in the sandbox, at the root of the repository.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const [editsPath, reportPath, ...screens] = process.argv.slice(2);
const here = process.cwd();
const ts = ownTypeScript();
const report = { typescript: ts && ts.version, errors: null, reasons: [] };

function ownTypeScript() {
    try {
        const found = createRequire(path.join(here, "package.json"))("typescript");
        return typeof found.createProgram === "function" ? found : null; // TypeScript 7 has no such API
    } catch (error) {
        if (error.code !== "MODULE_NOT_FOUND") throw error;
        return null;
    }
}

function project() {
    const file = ts.findConfigFile(here, ts.sys.fileExists);
    if (!file) return { fileNames: [], options: {} };
    const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
    return ts.getParsedCommandLineOfConfigFile(file, { noEmit: true }, host) ?? { fileNames: [], options: {} };
}

function applied(text, hunks) {
    const lines = text.split(/(?<=\n)/);
    for (const { line, before, after } of hunks) {
        const old = before ? before.split(/(?<=\n)/) : [];
        const made = after ? after.split(/(?<=\n)/) : [];
        const start = line - (made.length ? 1 : 0);
        if (lines.slice(start, start + old.length).join("") !== before) return null;
        lines.splice(start, old.length, ...made);
    }
    return lines.join("");
}

function javascript(file, text) {
    const settings = { ...parsed.options, removeComments: true, noEmit: false, declaration: false, sourceMap: false };
    for (const name of ["inlineSourceMap", "declarationMap", "composite", "incremental", "emitDeclarationOnly"]) {
        delete settings[name];
    }
    return ts.transpileModule(text, { fileName: file, compilerOptions: settings }).outputText;
}

// A host that shows the edited files among the pristine ones, which are read once.
let edited = new Map();
function compilerHost() {
    const host = ts.createCompilerHost(parsed.options, true);
    const known = new Map();
    const read = (file, text, how) => {
        const source = text === undefined ? undefined : ts.createSourceFile(file, text, how, true);
        if (source) source.version = ts.sys.createHash ? ts.sys.createHash(text) : text;
        return source;
    };
    host.getSourceFile = (file, how) => {
        const text = edited.get(path.resolve(file));
        if (text !== undefined) return read(file, text, how);
        if (!known.has(file)) known.set(file, read(file, ts.sys.readFile(file), how));
        return known.get(file);
    };
    return host;
}

function errors(builder) {
    let found = builder.getOptionsDiagnostics().length + builder.getGlobalDiagnostics().length;
    found += builder.getSyntacticDiagnostics().length;
    for (;;) {
        const next = builder.getSemanticDiagnosticsOfNextAffectedFile();
        if (!next) return found;
        found += next.result.filter((one) => one.category === ts.DiagnosticCategory.Error).length;
    }
}

function pristineOf(file) {
    if (!pristine.has(file)) {
        const text = fs.readFileSync(file, "utf8");
        pristine.set(file, { text, javascript: screens.includes("javascript") && javascript(file, text) });
    }
    return pristine.get(file);
}

function reason(edit) {
    edited = new Map();
    for (const { path: name, hunks } of edit) {
        const file = path.resolve(name);
        const text = applied(edited.get(file) ?? pristineOf(file).text, hunks);
        if (text === null) return "does_not_apply";
        edited.set(file, text);
    }
    const isSame = ([file, text]) => javascript(file, text) === pristineOf(file).javascript;
    if (screens.includes("javascript") && [...edited].every(isSame)) return "same_javascript";
    if (report.errors !== 0) return null;
    const builder = ts.createSemanticDiagnosticsBuilderProgram(parsed.fileNames, parsed.options, host, clean);
    return errors(builder) ? "does_not_compile" : null;
}

const pristine = new Map();
const parsed = ts && project();
const host = ts && compilerHost();
const typed = ts && screens.includes("types") && parsed.fileNames.length > 0;
const clean = typed && ts.createSemanticDiagnosticsBuilderProgram(parsed.fileNames, parsed.options, host);
if (ts) {
    report.errors = typed ? errors(clean) : null;
    const edits = fs.readFileSync(editsPath, "utf8").split("\n").filter(Boolean);
    report.reasons = edits.map((line) => reason(JSON.parse(line)));
}
fs.writeFileSync(reportPath, JSON.stringify(report));

import type { NodePath } from "@babel/traverse";
import { isModuleExports, memberName } from "./syntax.ts";

/** What a file exports, by name; `default` and `module.exports` too. */
export function findExports(program: NodePath): Map<string, NodePath> {
  const found = new Map<string, NodePath>();
  program.traverse({
    ExportDefaultDeclaration(path) {
      found.set("default", path.get("declaration") as NodePath);
    },
    ExportNamedDeclaration(path) {
      for (const specifier of path.get("specifiers")) {
        const { node } = specifier;
        if (node.type !== "ExportSpecifier") continue;
        found.set(
          node.exported.type === "Identifier" ? node.exported.name : node.exported.value,
          specifier as NodePath,
        );
      }
      const declared = path.get("declaration");
      if (!declared.node) return;
      for (const [name, id] of Object.entries((declared as NodePath).getBindingIdentifierPaths()))
        found.set(name, id);
    },
    AssignmentExpression(path) {
      const left = path.get("left");
      if (!left.isMemberExpression()) return;
      if (isModuleExports(left)) found.set("module.exports", path.get("right"));
      const object = left.get("object");
      const name = memberName(left);
      if (name !== undefined && (isModuleExports(object) || object.isIdentifier({ name: "exports" })))
        found.set(name, path.get("right"));
    },
  });
  return found;
}

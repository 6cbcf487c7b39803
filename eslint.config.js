import js from "@eslint/js";
import globals from "globals";

const FORMS = "steering/ui/scripts.py joins modules: it knows named imports and exported declarations";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines": ["error", { max: 250 }],
      "max-lines-per-function": ["error", { max: 60 }],
      "max-len": ["error", { code: 120 }],
      "max-params": ["error", 5],
      complexity: ["error", 13],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "no-param-reassign": "error",
      "object-shorthand": "error",
      "no-unused-vars": ["error", { caughtErrors: "none" }],
    },
  },
  {
    files: ["assets/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-restricted-syntax": [
        "error",
        ...[
          "ExportDefaultDeclaration",
          "ExportAllDeclaration",
          "ExportNamedDeclaration[declaration=null]",
          "ExportNamedDeclaration > VariableDeclaration[kind!='const']",
          "ImportDefaultSpecifier",
          "ImportNamespaceSpecifier",
          "ImportExpression",
        ].map((selector) => ({ selector, message: FORMS })),
      ],
    },
  },
  { files: ["tests/front/*.mjs"], languageOptions: { globals: globals.node } },
];

// Preact with tagged templates, which need no build step.

import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);

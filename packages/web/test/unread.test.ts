import { expect, it } from "vitest";
import { leaveOutUnread } from "../plugins/unread.js";

it("leaves out the details of errors and the papers of methods, and nothing else", () => {
  expect(leaveOutUnread('throw new WhyboxError("usage", text, { details: { a, b }, cause });')).toBe(
    'throw new WhyboxError("usage", text, {  cause });',
  );
  expect(leaveOutUnread('new WhyboxError("usage", text, { cause, details: { a } })')).toBe(
    'new WhyboxError("usage", text, { cause,  })',
  );
  expect(leaveOutUnread('const m = { id: "a", paper: "Somebody, 2020", needs };')).toBe(
    'const m = { id: "a", paper: "", needs };',
  );
  for (const kept of ["const o = { details: 1 };", "call({ details }, new WhyboxError(a, b));", "f({ paper });"]) {
    expect(leaveOutUnread(kept)).toBe(kept);
  }
});

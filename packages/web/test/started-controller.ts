import { defaultSettings, type Settings } from "../src/controller/settings.js";
import { Controller } from "../src/controller.js";
import { FakeEngine, settle } from "./fake-engine.js";

export const photo = new Blob(["photo"]);

export function started(settings: Partial<Settings> = {}) {
  const fake = new FakeEngine();
  let clock = 0;
  const controller = new Controller({
    startEngine: fake.start,
    base: "http://localhost/",
    settings: { ...defaultSettings, ...settings },
    now: () => clock++,
  });
  return { fake, controller };
}

export async function withPhoto(settings: Partial<Settings> = {}) {
  const both = started(settings);
  await Promise.all([both.controller.openModel(), both.controller.openPhoto("dog.jpg", photo)]);
  await settle();
  return both;
}

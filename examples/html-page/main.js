// Shows an image with its boxes and heat. Press a box to see its own heat. With URLs, this script is not needed:
//   <why-box src="dog.jpg" weights="model.onnx"></why-box>
import { WhyboxError } from "@whybox/browser";
import "@whybox/browser/element";

const box = document.querySelector("why-box");
const status = document.getElementById("status");

document.getElementById("model").addEventListener("change", ({ target }) => {
  box.weights = target.files[0];
});
document.getElementById("image").addEventListener("change", ({ target }) => {
  box.image = target.files[0];
});
box.addEventListener("ready", ({ detail: detector }) => {
  status.textContent = `The model runs on ${detector.provider.device}.`;
});
box.addEventListener("result", ({ detail: { detections, empty } }) => {
  status.textContent = empty?.message ?? `${detections.length} detections. Press one to see what supports it.`;
});
box.addEventListener("error", ({ detail: error }) => {
  status.textContent = error instanceof WhyboxError ? `${error.code}: see the message above.` : "A bug.";
});

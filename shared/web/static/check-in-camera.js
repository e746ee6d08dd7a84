// Reading QR codes with the camera: by the browser itself where it can, else by a library that is loaded then.

const PAUSE = 150;
const SAME_CODE_AGAIN = 4000;

async function newDetector(library) {
  const formats = ["qr_code"];
  const native = window.BarcodeDetector;
  if (native && (await native.getSupportedFormats()).includes("qr_code")) return new native({ formats });
  const { BarcodeDetector } = await import(library);
  return new BarcodeDetector({ formats });
}

export class Camera {
  // `read` is called with what a code says.
  constructor(video, library, read) {
    this.video = video;
    this.library = library;
    this.read = read;
    this.stream = null;
    this.last = { text: "", at: 0 };
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  get runs() {
    return this.stream !== null;
  }

  // Rejects where there is no camera, or it was not allowed.
  async start() {
    const wanted = { video: { facingMode: { ideal: "environment" } }, audio: false };
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    this.stream = stream;
    try {
      this.detector ??= await newDetector(this.library);
      this.video.srcObject = stream;
      this.video.hidden = false;
      await this.video.play();
    } catch (error) {
      this.stop();
      throw error;
    }
    this.look(stream);
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.video.hidden = true;
    this.video.dispatchEvent(new Event("stopped"));
  }

  async look(stream) {
    while (this.stream === stream) {
      const codes = await this.detector.detect(this.video).catch(() => []);
      if (codes.length && this.stream === stream) this.saw(codes[0].rawValue);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  saw(text) {
    const now = Date.now();
    const again = text === this.last.text && now - this.last.at < SAME_CODE_AGAIN;
    this.last = { text, at: now };
    if (!again) this.read(text);
  }
}

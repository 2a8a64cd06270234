# A resource that exists once SSH answers on the instance: what needs the instance depends on it.

variable "instance_id" {
  type = string
}

variable "timeout" {
  type    = string
  default = "20m"
}

resource "terraform_data" "gpu_ready" {
  triggers_replace = [var.instance_id]

  provisioner "local-exec" {
    # The values come as environment variables, which no shell takes apart.
    command = "wait-ready \"$INSTANCE_ID\" --for ssh -- ssh -o StrictHostKeyChecking=accept-new ubuntu@{ip} nvidia-smi"

    environment = {
      INSTANCE_ID        = var.instance_id
      WAIT_READY_TIMEOUT = var.timeout
    }
  }
}

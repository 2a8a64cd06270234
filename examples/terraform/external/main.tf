# The address of an instance as a value. A data source is read by every plan, so every plan waits:
# not at all for an instance that is there.

terraform {
  required_providers {
    external = {
      source  = "hashicorp/external"
      version = "~> 2.3"
    }
  }
}

variable "instance_id" {
  type = string
}

variable "timeout" {
  type    = string
  default = "20m"
}

data "external" "gpu" {
  program = ["sh", "${path.module}/wait-ready-external.sh"]

  query = {
    instance_id = var.instance_id
    timeout     = var.timeout
  }
}

output "gpu_ip" {
  value = data.external.gpu.result.ip
}

output "gpu_type" {
  value = data.external.gpu.result.instance_type
}
